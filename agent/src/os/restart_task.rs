//! The agent's own scheduled task: the daily restart. Its definition is made here from a time alone, so that nothing that runs
//! on a terminal is ever put together from what somebody said.

use kaishin_proto::profile::Clock24;

/// In the root folder, under a name that people recognise.
pub const PATH: &str = r"\Kaishin Daily Restart";

/// As Task Scheduler takes it. Not made up for later when the machine was off: that would be a restart in opening hours. The
/// minute before it is for whoever is still there.
pub fn definition(at: Clock24) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>Kaishin</Author>
    <Description>毎日1回の再起動 / Daily restart</Description>
    <URI>{PATH}</URI>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2024-01-01T{at}:00</StartBoundary>
      <Enabled>true</Enabled>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="System">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>false</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>false</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT5M</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="System">
    <Exec>
      <Command>%SystemRoot%\System32\shutdown.exe</Command>
      <Arguments>/r /t 60</Arguments>
    </Exec>
  </Actions>
</Task>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tasks::xml;

    #[test]
    fn the_definition_reads_back_as_one_restart_at_that_time_by_the_system() {
        for (hour, minute) in [(0, 1), (2, 37), (23, 59)] {
            let at = Clock24::new(hour, minute).unwrap();
            let text = definition(at);
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let task = xml::read(&wide).unwrap();
            assert_eq!(task.user.as_deref(), Some("S-1-5-18"));
            assert!(task.actions.len() == 1 && task.actions[0].restarts(), "{task:?}");
            assert!(task.triggers.len() == 1 && task.triggers[0].is_regular(), "{task:?}");
            assert_eq!(task.triggers[0].at, Some(at));
            assert!(text.contains("<StartWhenAvailable>false</StartWhenAvailable>"));
        }
    }
}
