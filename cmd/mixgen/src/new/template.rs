//! `mixgen new template`: a folder with a template that works, to be changed into the one that is wanted.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::check;
use crate::doc::DocArgs;
use crate::make::{ApiArgs, Make, TemplateArgs};
use crate::{output, record};

/// Starts a template: a folder with template.proto, the handler service and the resource made from it, a README with
/// the reference of its fields, and golden cases. `mixgen check` on the folder passes from the start.
#[derive(clap::Args, Debug)]
pub(crate) struct NewTemplateArgs {
    /// Name of the template, lower-case letters: proto package, resource name, and folder.
    #[arg(value_parser = name)]
    name: String,
    /// When adapters of the template are called.
    #[arg(long, value_enum, default_value_t = Variety::Check)]
    variety: Variety,
    /// Folder to make; ./NAME when not given.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Namespace of the resource.
    #[arg(long, default_value = "istio-system")]
    namespace: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Variety {
    /// During a Check; adapters decide.
    Check,
    /// During a Report; adapters take many instances and answer nothing.
    Report,
    /// During a Check that asks for quota; adapters grant amounts.
    Quota,
    /// Before rules are looked at; adapters answer with more attributes.
    AttributeGenerator,
    /// During a Check; adapters decide, and answer with values for headers.
    CheckWithOutput,
}

impl Variety {
    fn option(self) -> &'static str {
        match self {
            Self::Check => "TEMPLATE_VARIETY_CHECK",
            Self::Report => "TEMPLATE_VARIETY_REPORT",
            Self::Quota => "TEMPLATE_VARIETY_QUOTA",
            Self::AttributeGenerator => "TEMPLATE_VARIETY_ATTRIBUTE_GENERATOR",
            Self::CheckWithOutput => "TEMPLATE_VARIETY_CHECK_WITH_OUTPUT",
        }
    }

    fn has_output(self) -> bool {
        matches!(self, Self::AttributeGenerator | Self::CheckWithOutput)
    }

    /// What the first map holds: attribute generators take no values of changing type.
    fn label(self) -> &'static str {
        if self == Self::AttributeGenerator { "string" } else { "istio.policy.v1beta1.Value" }
    }
}

fn name(text: &str) -> Result<String, String> {
    match text.bytes().all(|byte| byte.is_ascii_lowercase()) && !text.is_empty() {
        true => Ok(text.to_owned()),
        false => Err("a template's name has lower-case letters only".to_owned()),
    }
}

pub(super) fn run(args: &NewTemplateArgs) -> anyhow::Result<()> {
    let folder = args.output.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; remove it, or name another folder with -o", folder.display());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let proto = folder.join("template.proto");
    write(&proto, &author_form(args))?;
    let service = ApiArgs::new(proto.clone());
    output::write(&service, Some(folder.join("template_handler_service.proto")))?;
    let resource = TemplateArgs::new(proto.clone(), &args.name, &args.namespace);
    output::write(&resource, Some(folder.join("template.yaml")))?;
    write(&folder.join("README.md"), &readme(args, &folder, proto)?)?;
    write(&folder.join(check::GOLDEN), &golden(args))?;
    writeln!(
        std::io::stdout(),
        "{} is ready: change template.proto, then run `mixgen check --write {}`",
        folder.display(),
        folder.display()
    )?;
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn author_form(args: &NewTemplateArgs) -> String {
    let NewTemplateArgs { name, variety, .. } = args;
    let label = variety.label();
    let import =
        if *variety == Variety::AttributeGenerator { "" } else { "import \"policy/v1beta1/type.proto\";\n" };
    let output = match variety.has_output() {
        true => {
            "\n// What adapters answer.\nmessage OutputTemplate {\n  // Who owns the service.\n  string owner = 1;\n}\n"
        }
        false => "",
    };
    format!(
        "syntax = \"proto3\";\n\n\
         // Template `{name}`, as its author writes it.\n\
         package {name};\n\n\
         import \"mixer/adapter/model/v1beta1/extensions.proto\";\n\
         {import}\n\
         option (istio.mixer.adapter.model.v1beta1.template_variety) = {};\n\n\
         // A call of a service.\n\
         message Template {{\n  \
           // The service that is called.\n  \
           string service = 1;\n\n  \
           // Anything else that adapters look at, by name.\n  \
           map<string, {label}> labels = 2;\n\
         }}\n\
         {output}",
        variety.option()
    )
}

fn readme(args: &NewTemplateArgs, folder: &Path, proto: PathBuf) -> anyhow::Result<String> {
    let doc = DocArgs::new(proto);
    let reference = record::block(&doc.text(Path::new(""))?, &record::command_line(&doc.arguments(folder)?)?);
    let NewTemplateArgs { name, namespace, .. } = args;
    Ok(format!(
        "# {name}\n\n\
         {reference}\n\
         ```yaml\n\
         apiVersion: config.istio.io/v1alpha2\n\
         kind: instance\n\
         metadata:\n  name: example\n  namespace: {namespace}\n\
         spec:\n  template: {name}\n  params:\n    \
           service: destination.service.host | \"unknown\"\n    \
           labels:\n      \
             source: source.workload.name | \"unknown\"\n\
         ```\n\n\
         | file | |\n\
         |---|---|\n\
         | `template.proto` | the template; everything else comes from it |\n\
         | `template_handler_service.proto` | what an adapter serves |\n\
         | `template.yaml` | the resource for `mixs` |\n\
         | `golden.yaml` | what becomes of params and attributes |\n\n\
         `mixgen check --write .` makes the generated files again; without `--write` it says which are stale, and \
         runs the golden cases.\n"
    ))
}

fn golden(args: &NewTemplateArgs) -> String {
    let label = |value: &str| match args.variety {
        Variety::AttributeGenerator => format!("\"{value}\""),
        _ => format!("{{ stringValue: \"{value}\" }}"),
    };
    format!(
        "# What becomes of params and attributes; `mixgen check` runs the cases.\n\
         cases:\n\
         - name: attributes are filled in\n  \
           attributes:\n    \
             destination.service.host: {{ string: ratings.shop.svc.cluster.local }}\n    \
             source.workload.name: {{ string: reviews-v1 }}\n  \
           params:\n    \
             service: destination.service.host\n    \
             labels:\n      \
               source: source.workload.name\n      \
               kind: '\"call\"'\n  \
           instance:\n    \
             service: ratings.shop.svc.cluster.local\n    \
             labels:\n      \
               source: {}\n      \
               kind: {}\n\
         - name: an attribute that is absent\n  \
           attributes:\n    \
             destination.service.host: {{ absent: STRING }}\n  \
           params:\n    \
             service: destination.service.host\n  \
           error: destination.service.host\n",
        label("reviews-v1"),
        label("call")
    )
}
