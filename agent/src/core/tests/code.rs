//! The call code: asked for while somebody looks, and only then.

use super::*;

fn asked(world: &World) -> usize {
    let sent = world.server.sent.iter();
    sent.filter(|up| matches!(up, Up::CallCodeRequest(_))).count()
}

fn shown(world: &World) -> Option<&str> {
    let shown = world
        .effects
        .iter()
        .rev()
        .find(|effect| effect.starts_with("ShowCode"))?;
    shown.split('"').nth(1)
}

fn answer(world: &mut World, code: &str, life: Span) {
    let until_us = (world.now + life).micros();
    let code = code.to_owned();
    world.say(Down::CallCode(v1::CallCode { code, until_us }));
}

#[test]
fn it_is_asked_for_while_somebody_looks_renewed_as_it_runs_out_and_not_a_moment_longer() {
    let mut world = World::online(3);
    world.pass(Span::minutes(9));
    assert_eq!(asked(&world), 0, "nobody looks");
    world.tell(Event::CodeWanted(true));
    assert_eq!(asked(&world), 1);
    answer(&mut world, "4712", Span::minutes(5));
    assert_eq!(shown(&world), Some("4712"));
    world.pass(Span::seconds(299));
    assert_eq!(asked(&world), 1);
    world.pass(Span::seconds(2));
    assert_eq!(
        (asked(&world), shown(&world)),
        (2, None),
        "the old one is not shown any more"
    );
    answer(&mut world, "0007", Span::minutes(5));
    assert_eq!(shown(&world), Some("0007"));
    world.tell(Event::CodeWanted(false));
    world.pass(Span::hours(1));
    assert_eq!((asked(&world), shown(&world)), (2, None));
}

#[test]
fn a_server_that_is_silent_or_comes_back_is_asked_again_and_nonsense_is_not_shown() {
    let mut world = World::online(4);
    world.tell(Event::CodeWanted(true));
    for nonsense in ["", "12", "12345", "12a4", "１２３４"] {
        answer(&mut world, nonsense, Span::minutes(5));
    }
    assert_eq!((asked(&world), shown(&world)), (1, None));
    world.pass(Span::seconds(16));
    assert_eq!(asked(&world), 2);
    answer(&mut world, "4712", Span::days(400));
    world.server.open = false;
    world.tell(Event::Closed(Failure::Line("down".into())));
    world.pass(Span::minutes(6));
    assert!(asked(&world) > 2, "another session, perhaps another server");
    world.pass(Span::minutes(10));
    assert_eq!(shown(&world), None, "whatever the server said of its end");
}

#[test]
fn its_end_is_told_by_the_servers_clock() {
    let mut world = World::online(5);
    world.core().code_welcomed(world_ahead(START));
    world.tell(Event::CodeWanted(true));
    let until_us = (world_ahead(world.now) + Span::minutes(5)).micros();
    let code = "4712".to_owned();
    world.say(Down::CallCode(v1::CallCode { code, until_us }));
    world.pass(Span::minutes(4));
    assert_eq!(shown(&world), Some("4712"));
    world.pass(Span::minutes(2));
    assert_eq!(shown(&world), None);
}

fn world_ahead(at: Time) -> Time {
    at + Span::hours(3)
}
