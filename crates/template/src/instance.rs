//! Instances: `params` compiled to an encoder that writes `InstanceMsg` bytes straight from a bag.
//!
//! Equal values give equal bytes: fields stand in number order, map entries in key order, varints are minimal.
//! What `params` do not set is not written; what they set is written even when it is zero.

mod cache;
mod compile;
mod error;
mod head;
mod inferred;
mod op;
mod value;

use std::sync::Arc;

use bytes::Bytes;
use mixer_attribute::{Bag, Referenced};
use mixer_expr::{Options, Scope};

pub use cache::{BlockInterner, CachedBag, EncodeCache};
pub use error::{EncodeCause, EncodeError};

use crate::problem::Problems;
use crate::{Node, ParamsProblem, Template};
use op::{Context, Op};

/// Number of the field `name` in every `InstanceMsg`: the fully qualified name of the instance.
pub const NAME_FIELD: u32 = 72_295_727;

/// How the values of `params` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamsDialect {
    /// `params` of an instance whose template is a resource: YAML values by the types of `InstanceMsg`; text is an
    /// expression, a quoted text a constant.
    ///
    /// A YAML number in a `Value` field is a double, as in the original; the text `"5"` gives an integer.
    Typed,
    /// `params` of an instance with `compiledTemplate`, and the legacy kinds: every value is the text of an
    /// expression, and empty text means "not set".
    Expressions,
}

/// What an encoder is compiled from.
#[derive(Clone, Copy, Debug)]
pub struct InstanceSource<'s> {
    /// Fully qualified name of the instance.
    pub name: &'s Arc<str>,
    /// Its template.
    pub template: &'s Template,
    /// Its `params`; a node without value means no fields.
    pub params: &'s Node,
    /// How they are written.
    pub dialect: ParamsDialect,
}

/// Writes one instance.
#[derive(Debug)]
pub struct InstanceEncoder {
    name: Arc<str>,
    ops: Box<[Op]>,
    inferred_type: Bytes,
}

impl InstanceEncoder {
    /// Compiles `params` against the template's `InstanceMsg`.
    ///
    /// In the expression dialect `attribute_bindings` of an attribute generator are left to the caller.
    ///
    /// # Errors
    /// Every problem of `params` at once, in document order.
    pub fn compile(
        source: InstanceSource<'_>,
        scope: &mut dyn Scope,
        options: &Options,
        blocks: &mut BlockInterner,
    ) -> Result<Self, Vec<ParamsProblem>> {
        let mut compiler = compile::Compiler {
            scope,
            options,
            dialect: source.dialect,
            blocks,
            problems: Problems::default(),
            depth: 0,
            in_map: false,
        };
        let (ops, inferred) = compiler.instance(&source);
        let inferred_type =
            source.template.type_message().map(|message| inferred::encode(message, &inferred));
        let encoder = Self {
            name: source.name.clone(),
            ops: ops.into(),
            inferred_type: inferred_type.unwrap_or_default().into(),
        };
        compiler.problems.finish(encoder)
    }

    /// Fully qualified name of the instance.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The template's `Type` message for this instance, encoded; empty when the template has no dynamic fields.
    pub fn inferred_type(&self) -> &Bytes {
        &self.inferred_type
    }

    /// Appends the `InstanceMsg` of a bag, and adds to `refs` what was read.
    ///
    /// # Errors
    /// An expression has no value, or one that its field cannot hold; `out` is then as it was before.
    #[inline]
    pub fn encode(&self, bag: &Bag, refs: &mut Referenced, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.run(&mut Context { bag, refs, blocks: None }, out)
    }

    /// The same for one of several instances of a bag: what they have in common is encoded once.
    ///
    /// # Errors
    /// As [`InstanceEncoder::encode`].
    #[inline]
    pub fn encode_cached(&self, bag: &mut CachedBag<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.run(&mut bag.context(), out)
    }

    fn run(&self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        op::run(&self.ops, context, out).map_err(|failure| {
            out.truncate(start);
            EncodeError { instance: self.name.clone(), path: failure.path, cause: failure.cause }
        })
    }
}
