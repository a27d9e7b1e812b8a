//! The hours of the facility, as they are told and as they are not understood.

use super::*;

fn told(days: &[(i32, &[(u32, u32)])]) -> Down {
    let opening = |(from, until): &(u32, u32)| v1::day_hours::Opening {
        from: *from,
        until: *until,
    };
    Down::Site(v1::Site {
        hours: days
            .iter()
            .map(|(day, openings)| v1::DayHours {
                day: *day,
                openings: openings.iter().map(opening).collect(),
            })
            .collect(),
    })
}

#[test]
fn what_is_told_holds_and_what_cannot_be_understood_leaves_the_usual_hours() {
    let mut world = World::online(1);
    world.say(told(&[(1, &[(540, 720)]), (8, &[(600, 660)])]));
    let own = world.kept_hours.clone();
    assert_eq!(own, Hours::of([(0, vec![(540, 720)]), (7, vec![(600, 660)])]).unwrap());
    for (days, is_told) in [
        (told(&[]), false),
        (told(&[(0, &[])]), true),
        (told(&[(9, &[])]), true),
        (told(&[(-1, &[])]), true),
        (told(&[(2, &[(700, 600)])]), true),
        (told(&[(2, &[]), (2, &[])]), true),
    ] {
        world.kept_hours = own.clone();
        world.effects.clear();
        world.say(days.clone());
        assert_eq!(world.kept_hours, Hours::default(), "{days:?}");
        let noted = world.effects.iter().any(|effect| effect.contains("E-SITE-01"));
        assert_eq!(noted, is_told, "{days:?}");
    }
}
