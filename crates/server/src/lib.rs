//! The front doors, the admin port and the wiring of the server.
