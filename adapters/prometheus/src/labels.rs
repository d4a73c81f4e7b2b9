//! From the dimensions of an instance to the labels of a series, as they are exposed: `a="1",b="2"`.

use std::borrow::Cow;

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;

use crate::config::clean;
use crate::refusal::Refusal;

/// The labels of a series in exposition form, sorted by name. Two instances belong to the same series exactly
/// when this text is the same. A label without dimension is empty.
///
/// `labels` are the names, sorted. A dimension is found by its cleaned name.
pub(crate) fn render(dimensions: ValueMap<'_>, labels: &[String]) -> Result<String, Refusal> {
    let values = values(dimensions, labels)?;
    let mut text = String::with_capacity(64 * labels.len());
    for (label, value) in labels.iter().zip(values) {
        if !text.is_empty() {
            text.push(',');
        }
        let value = value.and_then(|(_, value)| value);
        push_label(&mut text, label, &value.map_or(Cow::Borrowed(""), |value| value.text()));
    }
    Ok(text)
}

/// The labels of a series that have a value: names and values, sorted by name. `labels` are all names, sorted.
pub(crate) fn pairs(dimensions: ValueMap<'_>, labels: &[String]) -> Result<Vec<(String, String)>, Refusal> {
    let values = values(dimensions, labels)?.into_iter();
    let texts = values.map(|found| found.and_then(|(_, value)| value).map(|value| value.text().into_owned()));
    let pairs = labels.iter().zip(texts).filter_map(|(label, text)| Some((label.clone(), text?)));
    Ok(pairs.filter(|(_, text)| !text.is_empty()).collect())
}

/// A dimension: its name as it was sent, and its value if it has one.
type Found<'a> = Option<(&'a str, Option<ValueView<'a>>)>;

/// The dimension of each label, in the order of the labels.
fn values<'a>(dimensions: ValueMap<'a>, labels: &[String]) -> Result<Vec<Found<'a>>, Refusal> {
    let mut values: Vec<Found<'_>> = vec![None; labels.len()];
    for entry in dimensions {
        let (key, value) = entry?;
        let name = clean(key);
        let place = labels.binary_search_by(|label| label.as_str().cmp(&name)).ok();
        match place.and_then(|place| values.get_mut(place)) {
            None => return Err(Refusal::ExtraDimension(key.to_owned())),
            Some(Some((other, _))) if *other != key => return Err(Refusal::ExtraDimension(key.to_owned())),
            Some(place) => *place = Some((key, value)),
        }
    }
    Ok(values)
}

/// Adds `name="value"`.
pub(crate) fn push_label(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    push_escaped(text, value);
    text.push('"');
}

/// Adds text with `\`, `"` and line feeds escaped: the form of label values in both formats, and of help texts in
/// OpenMetrics.
pub(crate) fn push_escaped(text: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        let mut chars = special.chars();
        text.push_str(match chars.next() {
            Some('\n') => "\\n",
            Some('"') => "\\\"",
            _ => "\\\\",
        });
        rest = chars.as_str();
    }
    text.push_str(rest);
}

/// Whether the entries come sorted by key: from a caller that encodes the same map in the same way each time.
pub(crate) fn is_sorted(dimensions: ValueMap<'_>) -> bool {
    dimensions.iter().map_while(Result::ok).is_sorted_by(|(a, _), (b, _)| a < b)
}
