//! Each rule with where it applies, what passes, what is a fault, and where it does not apply beside terminals on Linux.
//! Facts are written `key=value` in the catalogue's types: moments as ages (`3d`, `+10d` ahead), lists with commas (`-` is
//! empty), `~` for a space, `absent` for what was looked for in vain. Alternatives stand between bars.

pub(super) struct Case {
    pub rule: &'static str,
    pub given: &'static str,
    pub passes: &'static str,
    pub faults: &'static str,
    pub elsewhere: &'static str,
}

const fn case(
    rule: &'static str,
    given: &'static str,
    passes: &'static str,
    faults: &'static str,
    elsewhere: &'static str,
) -> Case {
    Case {
        rule,
        given,
        passes,
        faults,
        elsewhere,
    }
}

const BASE: &str = "facility.topology=base";
const CLOUD: &str = "facility.topology=clinic proxy.enabled=no";
const PROXY: &str = "proxy.enabled=yes proxy.server=proxy.base.oqs-pdl.org:8080";
const NO_PROXY: &str = "proxy.enabled=no proxy.server=absent";
const E14: &str = "hardware.manufacturer=LENOVO hardware.model=ThinkPad~E14~Gen~2";

#[rustfmt::skip]
pub(super) const TABLE: &[Case] = &[
    case("edge-extension-missing", "", "edge.missing=-", "edge.missing=delegate | edge.missing=delegate,pinauth", ""),
    case(
        "edge-extension-old", "",
        "edge.delegate.version=2.0 edge.nopinauth.version=2.0.0.0 edge.pinauth.version=2.1",
        "edge.delegate.version=1.9.9.9 edge.nopinauth.version=2.0 edge.pinauth.version=2.0 \
         | edge.delegate.version=2.0 edge.nopinauth.version=2.0 edge.pinauth.version=1.0.0.3 \
         | edge.delegate.version=1.0 edge.nopinauth.version=absent edge.pinauth.version=absent", "",
    ),
    case("edge-extension-disabled", "", "edge.disabled=-", "edge.disabled=nopinauth", ""),
    case("edge-developer-mode-on", "", "edge.developer_mode=no", "edge.developer_mode=yes", ""),
    case("edge-crx-not-ready", "", "edge.crx_ready=yes", "edge.crx_ready=no", ""),
    case("edge-absent", "", "edge.version=120.0", "edge.version=absent", ""),
    case("edge-old", "", "edge.version=130.0.1 | edge.version=131", "edge.version=129.9", ""),
    case("update-mode-not-automatic", "facility.update_choice=automatic", "update.mode=automatic",
        "update.mode=manual | update.mode=notify | update.mode=not-configured", "facility.update_choice=manual"),
    case("update-mode-not-manual", "facility.update_choice=manual", "update.mode=manual",
        "update.mode=automatic | update.mode=not-configured", "facility.update_choice=automatic"),
    case("update-notify-only", "", "update.mode=manual | update.mode=automatic", "update.mode=notify",
        "facility.update_choice=manual"),
    case("update-mode-unset", "", "update.mode=manual", "update.mode=not-configured", "facility.update_choice=automatic"),
    case(
        "update-policy-disagrees", "facility.update_choice=automatic",
        "update.registry_mode=manual update.policy_file_mode=manual \
         | update.registry_mode=automatic update.policy_file_mode=automatic",
        "update.registry_mode=automatic update.policy_file_mode=manual \
         | update.registry_mode=not-configured update.policy_file_mode=automatic \
         | update.registry_mode=manual update.policy_file_mode=notify",
        "update.policy_file_mode=not-configured",
    ),
    case("update-policy-disagrees-manual", "facility.update_choice=manual",
        "update.registry_mode=manual update.policy_file_mode=manual",
        "update.registry_mode=automatic update.policy_file_mode=manual", "facility.update_choice=automatic"),
    case("update-policy-disagrees-undecided", "", "update.registry_mode=manual update.policy_file_mode=manual",
        "update.registry_mode=automatic update.policy_file_mode=manual", "facility.update_choice=automatic"),
    case("update-stale", "", "update.last_install=60d", "update.last_install=61d", "last_seen=2d"),
    case("update-search-stale", "", "update.last_search=1d", "update.last_search=31d", "last_seen=2d"),
    case("update-failing", "", "update.last_error=none", "update.last_error=80072EE2 | update.last_error=0x80240438 \
        | update.last_error=0xC1900101 | update.last_error=0xC8000247", ""),
    case("update-service-disabled", "", "update.service=manual | update.service=automatic", "update.service=disabled", ""),
    case("update-hour-in-clinic-hours", "update.mode=automatic",
        "update.install_hour=5 | update.install_hour=20 | update.install_in_opening=- update.install_hour=13",
        "update.install_hour=8 | update.install_hour=13 | update.install_in_opening=absent update.install_hour=8 \
         | update.install_in_opening=19:00-21:00 update.install_hour=20 facility.update_choice=automatic", "update.mode=manual"),
    case("update-before-restart", "update.mode=automatic", "tasks.restart_after_install=-",
        "tasks.restart_after_install=05:13", "facility.update_choice=manual"),
    case("update-day-not-daily", "update.mode=automatic", "update.install_day=0", "update.install_day=3",
        "facility.update_choice=manual"),
    case("active-hours-automatic", "", "update.active_automatic=no", "update.active_automatic=yes", ""),
    case(
        "active-hours-short", "update.active_automatic=no",
        "update.daytime_not_active=- | update.opening_not_active=- update.daytime_not_active=09:00-10:00",
        "update.daytime_not_active=17:00-18:00 \
         | update.opening_not_active=20:00-21:00 update.daytime_not_active=- \
         | update.opening_not_active=absent update.daytime_not_active=09:00-10:00",
        "update.active_automatic=yes",
    ),
    case("os-patch-old-17763", "os.build=17763", "os.revision=6000", "os.revision=5999", "os.build=19044"),
    case("os-patch-old-19044", "os.build=19044", "os.revision=5000", "os.revision=4999", "os.build=17763"),
    case("fast-startup-on", "", "power.fast_startup=no", "power.fast_startup=yes", ""),
    case("sleep-on", "", "power.sleep_ac=0s power.sleep_dc=0s | power.sleep_ac=0s power.sleep_dc=absent",
        "power.sleep_ac=1800s power.sleep_dc=0s | power.sleep_ac=0s power.sleep_dc=900s \
         | power.sleep_ac=1800s power.sleep_dc=absent", ""),
    case("on-battery", "", "power.on_battery=no", "power.on_battery=yes", "last_seen=2d"),
    case("restart-overdue", "", "boot.time=1h | boot.time=3d", "boot.time=259201s | boot.time=40d", "last_seen=2d"),
    case("restart-pending", "", "boot.restart_pending=no", "boot.restart_pending=yes", ""),
    case("restart-in-opening", "",
        "tasks.restart_in_opening=- tasks.restart_times=10:07 | tasks.restart_in_opening=absent tasks.restart_times=02:37 \
         | tasks.restart_in_opening=absent tasks.restart_times=07:58,20:01 | tasks.restart_in_opening=absent tasks.restart_times=-",
        "tasks.restart_in_opening=10:07 tasks.restart_times=- | tasks.restart_in_opening=absent tasks.restart_times=02:37,10:07 \
         | tasks.restart_in_opening=absent tasks.restart_times=08:01 | tasks.restart_in_opening=absent tasks.restart_times=19:59 \
         | tasks.restart_times=09:11", ""),
    case("restart-needs-sign-in", "", "tasks.restart_signed_in=-", "tasks.restart_signed_in=\\再起動", ""),
    case("restart-forbidden-time", "", "tasks.restart_forbidden=-", "tasks.restart_forbidden=04:00", ""),
    case("restart-round-minute", "", "tasks.restart_times=03:42 | tasks.restart_times=-",
        "tasks.restart_times=02:30 | tasks.restart_times=01:11,05:25", ""),
    case("restart-not-scheduled", "", "tasks.restart_times=03:42", "tasks.restart_times=-", ""),
    case("arp-offload-on", E14, "network.arp_offload=-", "network.arp_offload=Realtek~PCIe~GbE~Family~Controller",
        "hardware.manufacturer=LENOVO hardware.model=ThinkPad~E14~Gen~3"),
    case("proxy-off", BASE, "proxy.enabled=yes", "proxy.enabled=no", "facility.topology=operator"),
    case("proxy-server-wrong", "facility.topology=base proxy.enabled=yes", "proxy.server=proxy.base.oqs-pdl.org:8080",
        "proxy.server=proxy.base.oqs-pdl.org:80 | proxy.server=absent", CLOUD),
    case("proxy-bypass-missing", PROXY, "proxy.missing=-", "proxy.missing=*.rece", NO_PROXY),
    case("proxy-bypass-joined", PROXY, "proxy.joined=-", "proxy.joined=*.rece*.secomtrust.net", NO_PROXY),
    case("proxy-winhttp-differs", PROXY,
        "proxy.winhttp=proxy.base.oqs-pdl.org:8080 | proxy.winhttp=http://proxy.base.oqs-pdl.org:8080",
        "proxy.winhttp=direct", NO_PROXY),
    case(
        "proxy-winhttp-bypass-missing",
        "proxy.enabled=yes proxy.server=proxy.base.oqs-pdl.org:8080 proxy.winhttp=proxy.base.oqs-pdl.org:8080",
        "proxy.winhttp_missing=-", "proxy.winhttp_missing=*.rece", NO_PROXY,
    ),
    case("unreachable-dns", "", "connectivity.failed=-", "connectivity.failed=dns", ""),
    case("unreachable-time", PROXY, "connectivity.failed=dns", "connectivity.failed=time", CLOUD),
    case("unreachable-proxy", BASE, "connectivity.failed=-", "connectivity.failed=dns,proxy", CLOUD),
    case("unreachable-verification", "", "connectivity.failed=proxy", "connectivity.failed=verification", ""),
    case("unreachable-distribution", BASE, "connectivity.failed=-", "connectivity.failed=distribution", CLOUD),
    case("unreachable-certificates", "", "connectivity.failed=-", "connectivity.failed=certificates", ""),
    case("unreachable-cloud", CLOUD, "connectivity.failed=-", "connectivity.failed=cloud",
        "proxy.enabled=yes proxy.server=proxy.clinic.local:3128"),
    case("time-server-wrong", BASE, "time.source=ntp.base.oqs-pdl.org,0x9",
        "time.source=time.windows.com,0x9 | time.source=absent", CLOUD),
    case("time-not-synchronised", BASE, "time.type=NTP", "time.type=NoSync | time.type=NT5DS", CLOUD),
    case("clock-off", "", "time.offset=0s | time.offset=60s | time.offset=-60s", "time.offset=61s | time.offset=-2h", ""),
    case("display-scale", "", "display.scale=100", "display.scale=125", ""),
    case("account-missing", "", "accounts.oqs_name=OqsComApp", "accounts.oqs_name=absent", ""),
    case("account-name-case", "accounts.oqs_name=OQSComApp", "accounts.oqs_exact=yes", "accounts.oqs_exact=no",
        "accounts.oqs_name=absent"),
    case("account-not-administrator", "", "accounts.oqs_admin=yes", "accounts.oqs_admin=no", ""),
    case("account-disabled", "", "accounts.oqs_enabled=yes", "accounts.oqs_enabled=no", ""),
    case("account-password-expiring", "accounts.oqs_password_never_expires=no", "accounts.oqs_password_expires=+15d",
        "accounts.oqs_password_expires=+13d | accounts.oqs_password_expires=1d", "accounts.oqs_password_never_expires=yes"),
    case("account-password-may-expire", "", "accounts.oqs_password_never_expires=yes",
        "accounts.oqs_password_never_expires=no", ""),
    case("account-password-changed", "os.installed=20d", "accounts.oqs_password_changed=400d | accounts.oqs_password_changed=15d",
        "accounts.oqs_password_changed=2d | os.installed=absent accounts.oqs_password_changed=13d", "os.installed=13d"),
    case("task-distribution-missing", "", "tasks.missing=OQS_exec_comappstart | tasks.missing=-",
        "tasks.missing=OQS_exec_distroappstart", ""),
    case("task-link-missing", "oqs.link.version=2.2.0", "tasks.missing=OQS_exec_distroappstart",
        "tasks.missing=OQS_exec_comappdelfile_periodic", "oqs.link.version=absent"),
    case("task-disabled", "", "tasks.disabled=-", "tasks.disabled=OQS_exec_comappstart", ""),
    case("task-wrong-account", "", "tasks.wrong_account=-", "tasks.wrong_account=OQS_exec_comappstart", ""),
    case("task-bad-password", "", "tasks.bad_password=-", "tasks.bad_password=OQS_exec_comappstart", ""),
    case("task-failed", "", "tasks.failed=-", "tasks.failed=OQS_exec_comappstart", ""),
    case("share-face-missing", "oqs.face.version=2.3.0", "shares.missing=C:\\OQS\\req", "shares.missing=C:\\OQS\\face",
        "oqs.face.version=absent"),
    case("share-link-missing", "oqs.link.version=2.2.0", "shares.missing=C:\\OQS\\face",
        "shares.missing=C:\\OQS\\req | shares.missing=C:\\OQS\\res", "oqs.link.version=absent"),
    case("certificate-missing", "", "certificates.thumbprint=AA", "certificates.thumbprint=absent", ""),
    case("certificate-expired", "", "certificates.expires=+1d", "certificates.expires=1s | certificates.expires=30d", ""),
    case("certificate-expiring", "", "certificates.expires=+61d | certificates.expires=1d",
        "certificates.expires=+59d | certificates.expires=+1s", ""),
    case("certificate-without-key", "", "certificates.key=yes", "certificates.key=no", ""),
    case("certificate-leftover", "", "certificates.leftover=-", "certificates.leftover=BB", ""),
    case("certificate-shared", "", "certificates.thumbprint=AA", "certificates.thumbprint=SHARED", ""),
    case("oqs-face-old", "", "oqs.face.version=2.3", "oqs.face.version=2.2.9", ""),
    case("oqs-link-old", "", "oqs.link.version=2.10.0", "oqs.link.version=1.0.9", ""),
    case("oqs-distribution-old", "", "oqs.distribution.version=2.0.1", "oqs.distribution.version=1.0.6", ""),
    case("oqs-mpki-old", "", "oqs.mpki.version=1.2", "oqs.mpki.version=1.1.9.9", ""),
    case("oqs-mpki-missing", "", "oqs.mpki.version=1.0", "oqs.mpki.version=absent", ""),
    case("oqs-distribution-missing", "", "oqs.distribution.version=1.0", "oqs.distribution.version=absent", ""),
    case("oqs-face-missing", "", "oqs.face.version=1.0", "oqs.face.version=absent", ""),
    case(
        "distribution-stuck", "os.edition=IoTEnterpriseS",
        "oqs.status=up-to-date oqs.status_at=9d | oqs.status=restart-pending oqs.status_at=1d",
        "oqs.status=restart-pending oqs.status_at=4d \
         | oqs.status=stopped oqs.status_at=9d facility.shared_receipt=no os.edition=EnterpriseS oqs.auto_update=yes",
        "last_seen=2d",
    ),
    case("distribution-auto-update-on-shared", "facility.shared_receipt=yes", "oqs.auto_update=no", "oqs.auto_update=yes",
        "facility.shared_receipt=no"),
    case("distribution-auto-update-on-pro", "os.edition=Professional", "oqs.auto_update=no", "oqs.auto_update=yes",
        "os.edition=EnterpriseS"),
    case("dotnet-old", "", "dotnet.release=528040 | dotnet.release=533325", "dotnet.release=461814 | dotnet.release=absent", ""),
    case("os-out-of-support", "", "os.build=17763 | os.build=19044", "os.build=19045 | os.build=10240 | os.build=22631", ""),
    case(
        "os-support-ended", "",
        "os.build=17763 last_seen=+841d | os.build=19044 os.edition=EnterpriseS last_seen=+113d \
         | os.build=19044 os.edition=IoTEnterpriseS last_seen=+1940d",
        "os.build=17763 last_seen=+842d | os.build=19044 os.edition=EnterpriseS last_seen=+114d \
         | os.build=19044 os.edition=IoTEnterpriseS last_seen=+1941d", "os.build=22631",
    ),
    case(
        "os-support-ending", "",
        "os.build=17763 last_seen=+657d | os.build=19044 os.edition=EnterpriseS last_seen=71d \
         | os.build=19044 os.edition=EnterpriseS last_seen=+114d \
         | os.build=19044 os.edition=IoTEnterpriseS last_seen=+1756d",
        "os.build=17763 last_seen=+658d | os.build=19044 os.edition=EnterpriseS last_seen=70d \
         | os.build=19044 os.edition=EnterpriseS last_seen=+113d \
         | os.build=19044 os.edition=IoTEnterpriseS last_seen=+1757d", "os.build=22631",
    ),
    case("os-edition-not-allowed", "", "os.edition=EnterpriseS | os.edition=IoTEnterpriseS", "os.edition=Professional", ""),
    case("disk-low", "", "disk.system_free_percent=10", "disk.system_free_percent=9", ""),
    case("antivirus-off", "", "security.antivirus_on=yes", "security.antivirus_on=no", ""),
    case("agent-old", "", "agent.version=1.0", "agent.version=0.9.9", ""),
    case("profile-refused", "", "agent.profile_refused=-", "agent.profile_refused=version~3", ""),
];
