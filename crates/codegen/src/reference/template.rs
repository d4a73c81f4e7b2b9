//! The reference of a template: what each field takes, and what adapters answer.

use super::table::{link, section, table};
use crate::{Item, Message, Model, Shape};

pub(super) fn reference(model: &Model, level: u8) -> String {
    let mut text = String::new();
    if !model.template.comment.is_empty() {
        text = format!("{}\n\n", model.template.comment);
    }
    let Model { variety, package, title, .. } = model;
    text.push_str(&format!("`{variety}`, called as `/{package}.Handle{title}Service/Handle{title}`.\n\n"));
    text.push_str(&fields(&model.template, "expression"));
    for message in &model.resources {
        text.push_str(&section(level, &message.name, &message.comment));
        text.push_str(&fields(message, "expression"));
    }
    if let Some(output) = &model.output {
        text.push_str(&section(level, &output.name, &output.comment));
        text.push_str(&fields(output, "attribute type"));
    }
    text
}

fn fields(message: &Message, of: &str) -> String {
    if message.fields.is_empty() {
        return "No fields.\n".to_owned();
    }
    let rows: Vec<Vec<String>> = message
        .fields
        .iter()
        .map(|field| {
            let value = match &field.item {
                Item::Message(name) => link(name),
                item => item.expression_type().unwrap_or_default().to_owned(),
            };
            let value = match field.shape {
                Shape::One => value,
                Shape::List => format!("list of {value}"),
                Shape::Map => format!("map of {value}"),
            };
            vec![format!("`{}`", field.name), value, field.comment.clone()]
        })
        .collect();
    table(&["field", of, "meaning"], &rows)
}
