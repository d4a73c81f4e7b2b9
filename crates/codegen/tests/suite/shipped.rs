//! The shipped templates' handler services are what is made of their `template.proto`.

use mixer_codegen::{Model, Protos, handler_service};

use crate::support::workspace;

#[test]
fn handler_services_are_made_from_the_author_form() {
    for name in mixer_proto::template::NAMES {
        let folder = workspace().join("templates").join(name);
        let source = Protos::default().read(&folder.join("template.proto")).unwrap();
        let made = handler_service(&Model::read(&source).unwrap());
        let found = std::fs::read_to_string(folder.join("template_handler_service.proto")).unwrap();
        assert_eq!(made, found, "{name}");
    }
}
