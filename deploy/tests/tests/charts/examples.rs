//! The examples in the READMEs of the charts are values that the charts take.

use std::fs;

use serde_json::Value;

use crate::chart::{MIXER, NEWRELIC, helms};
use crate::taken::Taken;

#[test]
fn examples_of_readmes_are_taken() {
    let Some([_, helm]) = helms() else { return };
    let mut taken = Taken::default();
    for (chart, number) in [(MIXER, 4), (NEWRELIC, 4)] {
        let readme = fs::read_to_string(chart.path().join("README.md")).unwrap();
        let examples: Vec<&str> =
            readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(examples.len(), number, "{}", chart.name);
        for example in examples {
            let values: Value = serde_saphyr::from_str(example).unwrap();
            let rendered =
                chart.render(&helm, &values).unwrap_or_else(|error| panic!("{example}: {error:#}"));
            taken.add(&rendered);
        }
    }
    assert_eq!(taken.problems(), Vec::<String>::new());
}
