//! What a run of the suite found, for people and as JSON.

use std::fmt;

use serde::Serialize;

/// What a case needs to claim what its sentence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// The protocol shows it.
    Protocol,
    /// The protocol shows that it is answered; only an observation channel shows that the values are right.
    ProtocolAndObservation,
    /// Nothing but an observation channel shows it.
    Observation,
}

/// The result of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "why")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail(String),
    /// Nothing is claimed.
    Skipped(String),
}

/// One case, for one template where it is about a handler service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// Stable name, such as `quota.name`.
    pub id: &'static str,
    /// The template whose service was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What is demanded.
    pub sentence: &'static str,
    /// What is needed to see it.
    pub needs: Needs,
    /// Whether values were looked at through the observation channel.
    pub observed: bool,
    /// The result.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Everything that a run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The address.
    pub address: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases of which nothing is claimed.
    pub skipped: usize,
    /// Every case, in the order in which they ran.
    pub cases: Vec<CaseResult>,
}

impl Report {
    pub(crate) fn new(address: String, cases: Vec<CaseResult>) -> Self {
        let count = |is: fn(&Verdict) -> bool| cases.iter().filter(|case| is(&case.verdict)).count();
        Self {
            passed: count(|verdict| *verdict == Verdict::Pass),
            failed: count(|verdict| matches!(verdict, Verdict::Fail(_))),
            skipped: count(|verdict| matches!(verdict, Verdict::Skipped(_))),
            address,
            cases,
        }
    }

    /// Whether no case failed and at least one passed.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    /// The cases that failed, as `id` or `id[template]`.
    pub fn failures(&self) -> Vec<String> {
        let failed = self.cases.iter().filter(|case| matches!(case.verdict, Verdict::Fail(_)));
        failed.map(CaseResult::key).collect()
    }

    /// The report as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl CaseResult {
    /// `id` or `id[template]`.
    pub fn key(&self) -> String {
        match &self.template {
            Some(template) => format!("{}[{template}]", self.id),
            None => self.id.to_owned(),
        }
    }
}

impl fmt::Display for Report {
    /// A table: result, case, and what is demanded, or what happened instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.cases.iter().map(|case| case.key().len()).max().unwrap_or_default();
        let indent = "FAIL  ".len() + width + 2;
        for case in &self.cases {
            let (word, text) = match &case.verdict {
                Verdict::Pass if case.observed => ("pass", format!("{} (observed)", case.sentence)),
                Verdict::Pass if case.needs == Needs::ProtocolAndObservation => {
                    ("pass", format!("{} (seen in the answer only)", case.sentence))
                }
                Verdict::Pass => ("pass", case.sentence.to_owned()),
                Verdict::Fail(why) => ("FAIL", format!("{}\n{:indent$}But: {why}", case.sentence, "")),
                Verdict::Skipped(why) => ("skip", why.clone()),
            };
            writeln!(f, "{word}  {:width$}  {text}", case.key())?;
        }
        let Self { address, passed, failed, skipped, .. } = self;
        write!(f, "{address}: {passed} passed, {failed} failed, {skipped} skipped")?;
        match self.failures().as_slice() {
            [] => Ok(()),
            failures => write!(f, "\nfailed: {}", failures.join(", ")),
        }
    }
}
