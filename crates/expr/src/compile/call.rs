//! Compiling function calls; patterns that are constant are compiled once.

use mixer_attribute::{MapView, Value};

use super::{Lowering, folded, is_constant};
use crate::check::Typed;
use crate::functions::text::Glob;
use crate::functions::{FUNCTIONS, Function, pattern};
use crate::node::Node;

impl Lowering<'_> {
    pub(super) fn call(&mut self, function: Function, arguments: Vec<Typed>) -> Node {
        let mut nodes: Vec<Node> = arguments.into_iter().map(|argument| self.node(argument, false)).collect();
        // In compatibility mode all arguments are evaluated and the last ones are used.
        let count = FUNCTIONS
            .iter()
            .find(|signature| signature.function == function)
            .map_or(0, |signature| signature.parameters.len() + usize::from(signature.method));
        let used = nodes.split_off(nodes.len().saturating_sub(count));
        let surplus = nodes;
        let constant = used.iter().all(is_constant);
        let node = self.function(function, used);
        // The original's timestamps keep the zone in which they were written; a folded one would have none.
        let keeps_zone = self.compat && function == Function::Timestamp;
        let node = if constant && !keeps_zone { folded(node) } else { node };
        if surplus.is_empty() { node } else { Node::Then(surplus.into(), Box::new(node)) }
    }

    fn function(&mut self, function: Function, arguments: Vec<Node>) -> Node {
        let mut arguments = arguments.into_iter();
        // The checker counted the arguments.
        let mut next = || arguments.next().unwrap_or(Node::Constant(Value::Bool(false)));
        match function {
            Function::EmptyStringMap => Node::Constant(Value::StringMap(MapView::empty())),
            Function::ConditionalString => Node::ConditionalString(Box::new([next(), next(), next()])),
            Function::Match => match (next(), next()) {
                (text, Node::Constant(Value::Text(pattern))) => {
                    Node::Glob(Box::new((Glob::parse(&pattern).to_owned(), text)))
                }
                (text, pattern) => Node::Texts(function, Box::new([text, pattern])),
            },
            Function::Matches => match (next(), next()) {
                (Node::Constant(Value::Text(pattern)), text) => match pattern::compile(&pattern) {
                    Ok(regex) => Node::Pattern(Box::new((regex, text))),
                    Err(error) => Node::BadPattern(Box::new((error, text))),
                },
                (pattern, text) => {
                    Node::Matches(Box::new((pattern::PatternCache::default(), [pattern, text])))
                }
            },
            Function::StartsWith | Function::EndsWith => Node::Texts(function, Box::new([next(), next()])),
            _ => Node::Text(function, Box::new(next())),
        }
    }
}
