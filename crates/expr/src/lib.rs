//! The expression language: lexer, parser, checker, compiler, evaluator.
