//! Recording adapter, clients and strict fakes for tests.
