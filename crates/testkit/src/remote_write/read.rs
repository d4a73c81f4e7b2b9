//! From the body of a request to points, as strictly as the specification allows: Snappy's block format, no field that
//! the messages do not have, texts by their places.

use std::collections::{BTreeMap, HashSet};

use prost::Message;

use super::message::{Count, Histogram, RequestV1, RequestV2, TimeSeriesV2, ZeroCount};
use super::{NativeHistogram, WrittenExemplar, WrittenPoint, WrittenValue};

/// How Snappy's framed format begins, which may not be used.
const FRAMED: &[u8] = b"\xff\x06\x00\x00sNaPpY";

type Pairs = Vec<(String, String)>;

/// A series as it was sent: its labels in order, and its points.
pub(super) struct ReadSeries {
    pub(super) labels: Pairs,
    pub(super) points: Vec<WrittenPoint>,
    pub(super) exemplars: Vec<(Pairs, f64, i64)>,
}

/// The series of a request of either version.
pub(super) fn series(body: &[u8], version: u8) -> Result<Vec<ReadSeries>, String> {
    if body.starts_with(FRAMED) {
        return Err("the body is in Snappy's framed format".to_owned());
    }
    let message = snap::raw::Decoder::new().decompress_vec(body);
    let message = message.map_err(|error| format!("the body is not in Snappy's block format: {error}"))?;
    if version == 1 { version_1(&message) } else { version_2(&message) }
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, String> {
    let message = M::decode(bytes).map_err(|error| format!("not a message: {error}"))?;
    match message.encode_to_vec() == bytes {
        true => Ok(message),
        false => Err("the message has fields that are not defined, or is not in its usual form".to_owned()),
    }
}

fn version_2(bytes: &[u8]) -> Result<Vec<ReadSeries>, String> {
    let request: RequestV2 = decode(bytes)?;
    if request.symbols.first().is_none_or(|first| !first.is_empty()) {
        return Err("the first symbol is not empty".to_owned());
    }
    let distinct: HashSet<&String> = request.symbols.iter().collect();
    if distinct.len() != request.symbols.len() {
        return Err("a symbol is there twice".to_owned());
    }
    let mut symbols = Symbols { texts: &request.symbols, used: vec![false; request.symbols.len()] };
    symbols.get(0)?;
    let series = request.timeseries.iter().map(|series| series_2(series, &mut symbols));
    let series = series.collect::<Result<Vec<_>, _>>()?;
    match symbols.used.iter().position(|used| !used) {
        Some(unused) => Err(format!("symbol {unused} is not used")),
        None => Ok(series),
    }
}

struct Symbols<'a> {
    texts: &'a [String],
    used: Vec<bool>,
}

impl Symbols<'_> {
    fn get(&mut self, place: u32) -> Result<String, String> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        match (self.texts.get(place), self.used.get_mut(place)) {
            (Some(text), Some(used)) => {
                *used = true;
                Ok(text.clone())
            }
            _ => Err(format!("there is no symbol {place}")),
        }
    }

    fn pairs(&mut self, places: &[u32]) -> Result<Pairs, String> {
        let (pairs, rest) = places.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a label has a name but no value".to_owned());
        }
        pairs.iter().map(|[name, value]| Ok((self.get(*name)?, self.get(*value)?))).collect()
    }
}

fn series_2(series: &TimeSeriesV2, symbols: &mut Symbols<'_>) -> Result<ReadSeries, String> {
    let labels = symbols.pairs(&series.labels_refs)?;
    let metadata = series.metadata.ok_or_else(|| format!("{labels:?} has no metadata"))?;
    let help = symbols.get(metadata.help_ref)?;
    symbols.get(metadata.unit_ref)?;
    let mut points = Vec::new();
    for sample in &series.samples {
        let value = WrittenValue::Sample(sample.value);
        points.push(point(&labels, sample.timestamp, value, Some(sample.start_timestamp)));
    }
    for histogram in &series.histograms {
        let value = WrittenValue::Histogram(native(histogram)?);
        points.push(point(&labels, histogram.timestamp, value, Some(histogram.start_timestamp)));
    }
    for point in &mut points {
        point.metric_type = Some(metadata.r#type);
        point.help = Some(help.clone());
    }
    let mut exemplars = Vec::new();
    for exemplar in &series.exemplars {
        exemplars.push((symbols.pairs(&exemplar.labels_refs)?, exemplar.value, exemplar.timestamp));
    }
    Ok(ReadSeries { labels, points, exemplars })
}

fn version_1(bytes: &[u8]) -> Result<Vec<ReadSeries>, String> {
    let request: RequestV1 = decode(bytes)?;
    let mut described = BTreeMap::new();
    for metadata in &request.metadata {
        let family = metadata.metric_family_name.as_str();
        if described.insert(family, (metadata.r#type, metadata.help.clone())).is_some() {
            return Err(format!("{family} has metadata twice"));
        }
    }
    let mut all = Vec::new();
    for series in request.timeseries {
        let pairs = |labels: &[super::message::Label]| -> Pairs {
            labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
        };
        let labels = pairs(&series.labels);
        let mut points = Vec::new();
        for sample in &series.samples {
            points.push(point(&labels, sample.timestamp, WrittenValue::Sample(sample.value), None));
        }
        for histogram in &series.histograms {
            if histogram.start_timestamp != 0 {
                return Err("a histogram of 1.0 has field 17".to_owned());
            }
            let value = WrittenValue::Histogram(native(histogram)?);
            points.push(point(&labels, histogram.timestamp, value, None));
        }
        for point in &mut points {
            let name = point.labels.get("__name__").map_or("", String::as_str);
            let family = ["", "_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| described.get(name.strip_suffix(suffix)?));
            point.metric_type = family.map(|(metric_type, _)| *metric_type);
            point.help = family.map(|(_, help)| help.clone());
        }
        let exemplars = series.exemplars.iter();
        let exemplars =
            exemplars.map(|exemplar| (pairs(&exemplar.labels), exemplar.value, exemplar.timestamp)).collect();
        all.push(ReadSeries { labels, points, exemplars });
    }
    Ok(all)
}

fn point(labels: &Pairs, at: i64, value: WrittenValue, start: Option<i64>) -> WrittenPoint {
    WrittenPoint {
        labels: labels.iter().cloned().collect(),
        at,
        value,
        start: start.filter(|start| *start != 0),
        metric_type: None,
        help: None,
        exemplars: Vec::new(),
    }
}

impl ReadSeries {
    /// Its points, the first one with the exemplars.
    pub(super) fn into_points(mut self) -> Vec<WrittenPoint> {
        if let Some(first) = self.points.first_mut() {
            let exemplars = self.exemplars.into_iter();
            first.exemplars = exemplars
                .map(|(labels, value, at)| WrittenExemplar {
                    labels: labels.into_iter().collect(),
                    value,
                    at,
                })
                .collect();
        }
        self.points
    }
}

/// A histogram of whole numbers whose buckets add up.
fn native(histogram: &Histogram) -> Result<NativeHistogram, String> {
    let (Some(Count::Int(count)), Some(ZeroCount::Int(zero_count))) = (histogram.count, histogram.zero_count)
    else {
        return Err("a histogram has no whole count or zero count".to_owned());
    };
    let is_plain = histogram.negative_counts.is_empty()
        && histogram.positive_counts.is_empty()
        && histogram.custom_values.is_empty();
    if !is_plain || !(-4..=8).contains(&histogram.schema) || !(0..=2).contains(&histogram.reset_hint) {
        return Err("a histogram mixes forms, or has no schema from -4 to 8".to_owned());
    }
    let positive = buckets(&histogram.positive_spans, &histogram.positive_deltas)?;
    let negative = buckets(&histogram.negative_spans, &histogram.negative_deltas)?;
    let sum = zero_count + positive.values().sum::<u64>() + negative.values().sum::<u64>();
    if sum != count {
        return Err(format!("a histogram of {count} values has {sum} in its buckets"));
    }
    Ok(NativeHistogram {
        count,
        sum: histogram.sum,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count,
        positive,
        negative,
    })
}

fn buckets(spans: &[super::message::Span], deltas: &[i64]) -> Result<BTreeMap<i32, u64>, String> {
    let mut deltas = deltas.iter();
    let (mut buckets, mut index, mut count) = (BTreeMap::new(), 0i32, 0i64);
    for (place, span) in spans.iter().enumerate() {
        if span.length == 0 || (place > 0 && span.offset < 0) {
            return Err("a span is empty, or begins before the end of the one before".to_owned());
        }
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().ok_or("there are fewer deltas than buckets")?;
            let in_bucket = u64::try_from(count).map_err(|_| "a bucket has less than no values")?;
            if in_bucket > 0 {
                buckets.insert(index, in_bucket);
            }
            index += 1;
        }
    }
    match deltas.next() {
        Some(_) => Err("there are more deltas than buckets".to_owned()),
        None => Ok(buckets),
    }
}
