//! Every failure has a row, and the code agrees with the effect.

use super::*;

#[test]
fn a_retry_is_invited_exactly_where_it_can_help() {
    for row in TABLE {
        assert_eq!(row.failure.row().code, row.code, "{:?} has two rows", row.failure);
        let invited = row.code == Code::Unavailable;
        let helps = matches!(row.effect, Effect::PolicyAfterRetry | Effect::Lost);
        assert_eq!(invited, helps, "{:?}", row.failure);
    }
}

#[test]
fn the_original_s_codes_are_a_switch_away() {
    let check = |failure: Failure, ours, theirs| {
        assert_eq!(failure.status(false, "").code(), ours);
        assert_eq!(failure.status(true, "").code(), theirs);
    };
    check(Failure::Check, Code::Unavailable, Code::Internal);
    check(Failure::PartDispatched, Code::Ok, Code::Unknown);
    check(Failure::Overloaded, Code::Unavailable, Code::Unavailable);
}
