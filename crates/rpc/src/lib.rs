//! tonic service stubs for the Mixer API and the adapter protocol.
