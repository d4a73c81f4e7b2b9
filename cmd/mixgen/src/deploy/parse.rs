//! What flags of `mixgen deploy` say, as Kubernetes wants it written.

use std::fmt;

use anyhow::bail;

use super::objects::{Persistence, SecretKey};

/// A DNS label, as names of namespaces are.
pub(super) fn label(text: &str) -> Result<String, String> {
    let inner = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let ends = !text.starts_with('-') && !text.ends_with('-');
    match inner && ends && !text.is_empty() && text.len() <= 63 {
        true => Ok(text.to_owned()),
        false => Err("has lower-case letters, digits and dashes, a letter or digit at both ends, and at most 63 of them".to_owned()),
    }
}

/// A DNS subdomain, as most names are.
pub(super) fn subdomain(text: &str) -> Result<String, String> {
    match text.len() <= 253 && text.split('.').all(|part| label(part).is_ok()) {
        true => Ok(text.to_owned()),
        false => {
            Err("has lower-case letters, digits, dashes and dots, and a letter or digit at both ends"
                .to_owned())
        }
    }
}

/// The name of an adapter, of which `mixer-NAME-adapter` has to be a DNS label that can begin the name of a pod.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.starts_with("mixer-") && text.ends_with("-adapter") {
        let short =
            text.strip_prefix("mixer-").and_then(|text| text.strip_suffix("-adapter")).unwrap_or_default();
        return Err(format!("write {short:?}; objects are called mixer-NAME-adapter"));
    }
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    match first && text.len() <= 49 && label(text).is_ok() {
        true => Ok(text.to_owned()),
        false => Err("an adapter's name has lower-case letters, digits and dashes, a letter first, and at most 49 of them".to_owned()),
    }
}

/// An image, whose tag may come later.
pub(super) fn image(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    match !text.is_empty() && text.bytes().all(known) && !text.contains("://") {
        true => Ok(text.to_owned()),
        false => Err("write REGISTRY/NAME:TAG, REGISTRY/NAME@DIGEST, or REGISTRY/NAME".to_owned()),
    }
}

/// The image with a tag.
pub(super) fn tagged(image: &str, version: Option<&str>) -> anyhow::Result<String> {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || last.contains('@') {
        return Ok(image.to_owned());
    }
    let Some(version) = version else {
        bail!("which version of {image}? Nothing says it here; write --image {image}:TAG")
    };
    // A tag has no plus, which versions may have.
    Ok(format!("{image}:{}", version.replace('+', "-")))
}

/// What can stand in a label.
pub(super) fn is_label_value(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let ends = text.bytes().next().zip(text.bytes().last());
    inner
        && text.len() <= 63
        && ends.is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
}

/// `SECRET:KEY`.
pub(super) fn secret(text: &str) -> Result<SecretKey, String> {
    let (secret, key) =
        text.split_once(':').ok_or("write SECRET:KEY: the name of a Secret, and a key of its data")?;
    let secret = subdomain(secret).map_err(|error| format!("the name of a Secret {error}"))?;
    let sound = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    match sound && !key.is_empty() && key.len() <= 253 && !key.starts_with("..") && key != "." {
        true => Ok(SecretKey { secret, key: key.to_owned() }),
        false => Err("the key of a Secret has letters, digits, dashes, underscores and dots".to_owned()),
    }
}

/// `SIZE` or `SIZE:CLASS`.
pub(super) fn persistence(text: &str) -> Result<Persistence, String> {
    let (size, class) = match text.split_once(':') {
        Some((size, class)) => (size, Some(class)),
        None => (text, None),
    };
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = size.strip_prefix(number).unwrap_or_default();
    let sound = number.parse::<u64>().is_ok_and(|number| number > 0);
    if !sound || !["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&unit) {
        return Err(
            "write a size such as 2Gi, and behind a colon the storage class when it is not the default one"
                .to_owned(),
        );
    }
    let class =
        class.map(|class| subdomain(class).map_err(|error| format!("the name of a storage class {error}")));
    Ok(Persistence { size: size.to_owned(), class: class.transpose()? })
}

/// As it is written on the command line.
impl fmt::Display for Persistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.size)?;
        self.class.iter().try_for_each(|class| write!(f, ":{class}"))
    }
}

#[cfg(test)]
mod tests;
