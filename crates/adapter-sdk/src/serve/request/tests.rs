//! Instances are found wherever they stand in a request, and copied only where they must be.

use mixer_proto::template::logentry::InstanceMsg;
use prost::Message as _;

use super::*;

/// Field 1 with an instance of this name.
fn instance(name: &str) -> Vec<u8> {
    let message = InstanceMsg { name: name.to_owned(), ..Default::default() }.encode_to_vec();
    [&[0x0a, u8::try_from(message.len()).unwrap()][..], &message].concat()
}

#[test]
fn a_batch_is_what_the_request_holds() {
    let check = |parts: &[Vec<u8>], names: &[&str], malformed: usize, copied: bool| {
        let message = Bytes::from(parts.concat());
        let request = HandleRequest::parse(&message).unwrap();
        let (batch, errors) = request.batch();
        let found: Vec<_> = batch.iter().map(|instance| instance.name).collect();
        assert_eq!(found, names);
        assert_eq!(errors.len(), malformed);
        let sent: Vec<_> = names.iter().flat_map(|name| instance(name)).collect();
        assert_eq!(batch.framed(), &sent, "the frame holds the instances and nothing else");
        let inside = message.as_ptr_range().contains(&batch.framed().as_ptr());
        assert_eq!(inside, !copied && !names.is_empty());
    };
    let dedup_id = vec![0x1a, 1, b'x'];
    check(&[], &[], 0, false);
    check(&[instance("a")], &["a"], 0, false);
    check(&[instance("a"), instance("b"), instance("a")], &["a", "b", "a"], 0, false);
    check(&[dedup_id.clone(), instance("a"), instance("a"), dedup_id.clone()], &["a", "a"], 0, false);
    check(&[instance("a"), dedup_id, instance("b")], &["a", "b"], 0, true);
    let broken = vec![0x0a, 1, 0xff];
    check(&[instance("a"), broken, instance("b")], &["a", "b"], 1, true);
}

#[test]
fn an_instance_in_parts_is_their_sum() {
    let check = |parts: &[Vec<u8>], name: &str, severity: &str| {
        let message = Bytes::from(parts.concat());
        let (found, bytes) = HandleRequest::parse(&message).unwrap().instance().unwrap();
        assert_eq!(found, name);
        assert_eq!(InstanceMsg::decode(bytes).unwrap().severity, severity);
    };
    let severity = vec![0x0a, 3, 0x1a, 1, b's'];
    check(&[], "", "");
    check(&[instance("a")], "a", "");
    check(&[severity.clone(), instance("a")], "a", "s");
    check(&[instance("a"), instance("b"), severity], "b", "s");
}
