//! Attribute generation: adapters add attributes to a bag before its rules are looked at.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_attribute::{Bag, Referenced, Slot, Value, ValueType};
use mixer_config::snapshot::{Generator, InstanceConfig};
use mixer_template::unmap_ipv4;
use tokio::time::Instant;

use crate::matching::{Look, MatchScratch};
use crate::runtime::{Plan, Runtime, Step};

impl Runtime {
    /// Runs the attribute generators of the bag's namespace, all at the same time on what the caller sent, and
    /// adds what they generate in merge order. What the caller sent, or an earlier generator generated, stays.
    ///
    /// # Errors
    /// The failures of generators whose policy is `Fail`.
    pub(crate) async fn preprocess(
        &self,
        bag: &mut Bag,
        referenced: &mut Referenced,
        scratch: &mut MatchScratch,
        caller: Option<Instant>,
    ) -> Result<(), Vec<(Arc<str>, HandlerError)>> {
        let generators = &self.routes.generators;
        if generators.is_empty() {
            return Ok(());
        }
        scratch.memo.begin(self.snapshot.conditions.len());
        let tables = generators.of(self.routes.namespace(bag, referenced));
        let plan = self.plan(tables, &mut Look { bag, referenced, scratch });
        let calls = plan.steps.iter().map(|step| self.generate(&plan, step, caller));
        let outputs = join_all(calls).await;
        let mut failures = Vec::new();
        for (step, output) in plan.steps.iter().zip(outputs) {
            let instance = self.instance(step.target.instance);
            let taken = output.and_then(|output| self.take_output(instance, &output, bag, referenced));
            failures.extend(taken.err().and_then(|error| self.settle(&step.target, error)));
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    async fn generate(
        &self,
        plan: &Plan,
        step: &Step,
        caller: Option<Instant>,
    ) -> Result<Bytes, HandlerError> {
        let (running, call, deadline) = self.begin(plan, step, caller)?;
        let start = Instant::now();
        let result = running.call(call.bytes.len(), deadline, |handler| handler.generate(call)).await;
        self.destination(&step.target).0.metrics.count(result.is_err(), start.elapsed());
        result
    }

    /// Sets the attributes that an output binds.
    fn take_output(
        &self,
        instance: &InstanceConfig,
        output: &[u8],
        bag: &mut Bag,
        referenced: &mut Referenced,
    ) -> Result<(), HandlerError> {
        let Some(Generator { output: slots, bindings }) = &instance.generator else { return Ok(()) };
        let decoded = slots.decoder.decode(output, |index, value| {
            if let Some(slot) = slots.slots.get(index) {
                bag.set_value(*slot, &value);
            }
        });
        // All values first: a binding must not see what another one derived.
        let values: Vec<(Slot, Value<'static>)> = match decoded {
            Ok(()) => bindings
                .iter()
                .filter_map(|(slot, program)| match program.eval(bag, referenced) {
                    Ok(value) => Some((*slot, value.into_owned())),
                    Err(error) => {
                        if !error.is_absent() {
                            self.binding_failed(&instance.name, *slot, &error);
                        }
                        None
                    }
                })
                .collect(),
            Err(_) => Vec::new(),
        };
        for slot in &slots.slots {
            bag.unset(*slot);
        }
        for (slot, value) in values {
            match &value {
                Value::Bytes(address) if self.vocabulary().value_type(slot) == ValueType::IpAddress => {
                    bag.derive(slot, &Value::Bytes(unmap_ipv4(address).into()));
                }
                value => {
                    bag.derive(slot, value);
                }
            }
        }
        decoded.map_err(|error| {
            HandlerError::new(ErrorKind::Failed, format!("instance {}: {error}", instance.name))
        })
    }

    fn binding_failed(&self, instance: &str, slot: Slot, error: &mixer_expr::EvalError) {
        self.metrics.losses.value_errors.with_label_values(&[instance, "failed"]).inc();
        if let Some(suppressed) = self.logs.values.permit() {
            let attribute = self.vocabulary().name(slot);
            tracing::warn!(
                instance,
                attribute,
                suppressed,
                "the attribute binding cannot be evaluated: {error}"
            );
        }
    }
}
