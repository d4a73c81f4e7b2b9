//! Calls: functions, methods, `conditional`, and operators by their function name.

use mixer_attribute::ValueType;

use super::{Checker, Tree, Type, Typed, require, unify};
use crate::ast::{Expr, Operator};
use crate::error::{CompileError, CompileErrorKind, cut};
use crate::functions::{CONDITIONAL, FUNCTIONS, Function, Signature};
use crate::scope::nearest;

impl Checker<'_> {
    pub(super) fn call(
        &self,
        name: &str,
        target: Option<&Expr>,
        arguments: &[Expr],
        at: &Expr,
    ) -> Result<Typed, CompileError> {
        let signature = FUNCTIONS.iter().find(|signature| signature.name == name);
        let operator = Operator::of_name(name);
        if signature.is_none() && operator.is_none() && name != CONDITIONAL {
            return Err(self.unknown_function(name, at));
        }
        let method = signature.is_some_and(|signature| signature.method);
        match target {
            None if method => {
                let message = format!("invoking instance method without an instance: {name}");
                return Err(self.error(CompileErrorKind::UnknownFunction, at, message));
            }
            Some(_) if !method => {
                let message = format!("invoking regular function on instance method: {name}");
                return Err(self.error(CompileErrorKind::UnknownFunction, at, message));
            }
            _ => {}
        }
        match (signature, operator) {
            (Some(signature), _) => self.function(signature, target, arguments, at),
            (None, Some(operator)) => self.operation(operator, self.counted(arguments, 2, at)?, at),
            (None, None) => self.conditional(arguments, at),
        }
    }

    fn unknown_function(&self, name: &str, at: &Expr) -> CompileError {
        let names = FUNCTIONS.iter().map(|signature| signature.name).chain([CONDITIONAL]);
        let hint = nearest(name, names).map(|near| format!("did you mean {near}?"));
        let message = format!("unknown function: {}", cut(name));
        CompileError { hint, ..self.error(CompileErrorKind::UnknownFunction, at, message) }
    }

    /// As many arguments as there are parameters. The original ignores what is too much of these functions.
    fn counted<'e>(
        &self,
        arguments: &'e [Expr],
        count: usize,
        at: &Expr,
    ) -> Result<&'e [Expr], CompileError> {
        match arguments.get(..count) {
            Some(used) if arguments.len() == count || self.compat => Ok(used),
            _ => Err(self.arity(at, arguments.len(), count)),
        }
    }

    fn conditional(&self, arguments: &[Expr], at: &Expr) -> Result<Typed, CompileError> {
        let arguments = self.counted(arguments, 3, at)?;
        let [condition, yes, no] = arguments else { return Err(self.arity(at, arguments.len(), 3)) };
        let mut parts = Box::new([self.expr(condition)?, self.expr(yes)?, self.expr(no)?]);
        let whole = |first: usize, mismatch: super::Mismatch| {
            let number = first + mismatch.index;
            self.wrong_type(
                &at.to_string(),
                number + 1,
                &arguments[number],
                (mismatch.got, mismatch.expected),
            )
        };
        require(&mut parts[..1], &[ValueType::Bool]).map_err(|mismatch| whole(0, mismatch))?;
        let ty = unify(&mut parts[1..]).map_err(|mismatch| whole(1, mismatch))?;
        Ok(Typed { tree: Tree::Conditional(parts), ty })
    }

    fn function(
        &self,
        signature: &Signature,
        target: Option<&Expr>,
        arguments: &[Expr],
        at: &Expr,
    ) -> Result<Typed, CompileError> {
        let count = signature.parameters.len();
        if arguments.len() < count || (arguments.len() > count && !self.compat) {
            return Err(self.arity(at, arguments.len(), count));
        }
        let mut typed = Vec::with_capacity(arguments.len() + 1);
        if let Some(target) = target {
            let mut target = [self.expr(target)?];
            require(&mut target, &[ValueType::String]).map_err(|mismatch| {
                let (got, expected) = (mismatch.got.value_type(), mismatch.expected.value_type());
                let call = at.to_string();
                let message = format!("{} target typeError got {got}, expected {expected}", cut(&call));
                self.error(CompileErrorKind::Type, at, message)
            })?;
            typed.extend(target);
        }
        let targets = typed.len();
        for argument in arguments {
            typed.push(self.expr(argument)?);
        }
        self.parameters(signature.parameters, &mut typed[targets..], arguments, at)?;
        if signature.function == Function::Size {
            typed.truncate(count);
        } else if arguments.len() > count {
            self.last_parameters(signature, &mut typed, arguments, at)?;
        }
        Ok(Typed { tree: Tree::Call(signature.function, typed), ty: Type::Known(signature.result) })
    }

    fn parameters(
        &self,
        types: &[ValueType],
        typed: &mut [Typed],
        arguments: &[Expr],
        at: &Expr,
    ) -> Result<(), CompileError> {
        require(typed, types).map_err(|mismatch| {
            let (number, types) = (mismatch.index + 1, (mismatch.got, mismatch.expected));
            self.wrong_type(&at.to_string(), number, &arguments[mismatch.index], types)
        })
    }

    /// With too many arguments the original uses the last ones, whatever they are; here they must have the
    /// types that the function works on. (`size` alone uses the first.)
    fn last_parameters(
        &self,
        signature: &Signature,
        typed: &mut [Typed],
        arguments: &[Expr],
        at: &Expr,
    ) -> Result<(), CompileError> {
        let mut types = signature.parameters.to_vec();
        if signature.method {
            types.insert(0, ValueType::String);
        }
        let (unused, unused_arguments) = (typed.len() - types.len(), arguments.len() - types.len());
        self.parameters(&types, &mut typed[unused..], &arguments[unused_arguments..], at)
    }
}
