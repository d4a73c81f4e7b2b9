//! Names of status codes, in the two spellings that `mixc` prints.

const RPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const GRPC_NAMES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// The enum value name of `google.rpc.Code` for the code of a status in a message, such as
/// `PERMISSION_DENIED`; `None` for a number that the enum does not have.
pub fn rpc_code_name(code: i32) -> Option<&'static str> {
    RPC_NAMES.get(usize::try_from(code).ok()?).copied()
}

/// The name that Go's gRPC library prints for the code of an RPC, such as `PermissionDenied`; `None` for a
/// number that gRPC does not define.
pub fn grpc_code_name(code: i32) -> Option<&'static str> {
    GRPC_NAMES.get(usize::try_from(code).ok()?).copied()
}
