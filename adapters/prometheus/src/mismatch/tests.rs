//! Which instances do not fit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mixer_proto::policy::v1beta1::ValueType;
use mixer_proto::template::metric::Type;
use prost::Message as _;

use super::*;
use crate::generated::Params;
use crate::generated::params::MetricInfo;
use crate::generated::params::metric_info::Kind;

fn instance(name: &str, template: &str, dimensions: &[&str]) -> InstanceInfo {
    let types = dimensions.iter().map(|name| ((*name).to_owned(), ValueType::String.into()));
    let inferred = Type { dimensions: types.collect(), ..Default::default() };
    InstanceInfo {
        name: name.into(),
        template: template.into(),
        inferred_type: inferred.encode_to_vec().into(),
    }
}

#[test]
fn what_will_be_dropped_is_named() {
    let metric = MetricInfo {
        instance_name: "known".into(),
        name: "m".into(),
        kind: Kind::Counter.into(),
        label_names: vec!["a.b".into(), "c".into()],
        ..Default::default()
    };
    let params = Params { metrics: vec![metric], ..Default::default() };
    let config = Config::check(&params.encode_to_vec()).unwrap();
    let check = |instance, expected: &[&str]| assert_eq!(find(&config, &[instance]), expected);

    check(instance("known", "metric", &["a.b", "c"]), &[]);
    check(instance("known", "metric", &["a_b"]), &[]);
    check(instance("other", "logentry", &["x"]), &[]);
    check(
        instance("known", "metric", &["a.b", "d"]),
        &[
            "instance known has the dimension d, which is not among the label_names of istio_m: its values will be dropped",
        ],
    );
    check(
        instance("other", "metric", &["a.b"]),
        &[
            "a rule sends instance other here, but no entry of `metrics` has this instance_name: its values will be dropped",
        ],
    );
}
