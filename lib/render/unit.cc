#include "render/unit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/address.h"
#include "model/instance_user.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr int64_t first_free_port = 1024;  // below it CAP_NET_BIND_SERVICE is needed, ip(7)
constexpr int64_t usual_open_files = 65536, spare_files = 1024;
constexpr int64_t stop_margin_seconds = 5;

bool binds_low_port(const Value& spec) {
  for (const Value& listener : spec.at("listener").items())
    if (listener.at("port").as_int() < first_free_port) return true;
  const Value* admin = spec.find("admin");
  const Value* listen = admin == nullptr ? nullptr : admin->find("listen");
  if (listen == nullptr) return false;
  const std::string text = listen->as_string();
  return parse_number(text.substr(text.rfind(':') + 1), 65535).value_or(0) < first_free_port;
}

int64_t stop_seconds(const Value& spec) {
  const auto drain = parse_duration(spec.at("nginx").at("worker_shutdown_timeout").as_string());
  return drain.value_or(std::chrono::seconds(10)).count() / 1000 + stop_margin_seconds;
}

/// What a process that serves can do without.
const std::vector<std::string> hardening = {
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "DevicePolicy=closed",
    "PrivateIPC=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "LockPersonality=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RemoveIPC=yes",
    "KeyringMode=private",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources @mount @debug @cpu-emulation @obsolete @keyring",
    "SystemCallErrorNumber=EPERM"};

}  // namespace

std::vector<std::string> confinement(const Value& spec, const Layout& layout) {
  const std::string name = spec.at("name").as_string(), user = instance_user(spec);
  std::vector<std::string> lines = {"User=" + user, "Group=" + user, "UMask=0077"};
  if (binds_low_port(spec))  // the capability is worth nothing in a user namespace of one's own
    lines.insert(lines.end(),
                 {"AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"});
  else
    lines.insert(lines.end(), {"CapabilityBoundingSet=", "PrivateUsers=yes"});
  if (layout.whole_host())
    for (const std::string folder : {"Runtime", "Logs", "State"}) {
      lines.push_back(folder + "Directory=openresty/" + name);
      lines.push_back(folder + "DirectoryMode=0750");
    }
  else
    lines.push_back(fmt::format("ReadWritePaths={} {} {}", layout.run(name), layout.logs(name), layout.state(name)));
  // versions and manifests of all instances of the host
  lines.push_back("InaccessiblePaths=-" + layout.library());
  // MemoryDenyWriteExecute must stay off: LuaJIT turns written pages into code
  lines.insert(lines.end(), hardening.begin(), hardening.end());
  return lines;
}

std::vector<std::string> orctl_confinement(const std::string& program, const Layout& layout) {
  const auto is_below = [&](std::initializer_list<std::string_view> folders) {
    return std::any_of(folders.begin(), folders.end(), [&](std::string_view one) { return program.starts_with(one); });
  };
  const bool in_home = is_below({"/home/", "/root/", "/run/user/"}), in_tmp = is_below({"/tmp/", "/var/tmp/"});
  std::vector<std::string> lines = {
      // trees are given to the users of instances, whose processes are looked at (/proc/PID/fd) and ended
      "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SYS_PTRACE",
      // units and users; trees; store and state; logs; sockets and the unit of the check
      fmt::format("ReadWritePaths={} {} {} {} /run", layout.host_path("/etc"), layout.host_path("/opt"),
                  layout.host_path("/var/lib"), layout.host_path("/var/log")),
      in_home ? "ProtectHome=tmpfs" : "ProtectHome=yes",
      // nginx is asked by its socket in the file system, and its listeners are looked up in /proc (verify)
      "PrivateNetwork=yes", "PrivateMounts=yes", "MemoryDenyWriteExecute=yes"};
  if (in_home || in_tmp) {
    std::string path = program;  // a colon ends a path there
    for (size_t at = path.find(':'); at != std::string::npos; at = path.find(':', at + 2)) path.insert(at, 1, '\\');
    lines.push_back("BindReadOnlyPaths=" + path);
  }
  for (const std::string& line : hardening)
    if (!line.starts_with("ProtectHome=") && !line.starts_with("ProcSubset="))  // the latter hides the id of the boot
      lines.push_back(line);
  lines.emplace_back("SystemCallFilter=@chown");
  return lines;
}

std::vector<std::string> process_rights(const std::string& unit) {
  std::vector<std::string> out;
  for (std::string& line : split(unit, '\n'))
    for (const char* key : {"User=", "AmbientCapabilities=", "CapabilityBoundingSet=", "PrivateUsers=", "ExecStart="})
      if (line.starts_with(key)) {
        out.push_back(std::move(line));
        break;
      }
  return out;
}

int64_t needed_open_files(const Value& spec) {
  return 2 * spec.at("nginx").at("worker_connections").as_int() + spare_files;
}

int64_t unit_open_files(const Value& spec) { return std::max(usual_open_files, needed_open_files(spec)); }

// Every value that goes in here is a path or a name whose alphabet has no blank, quote, `%` or `$` (Layout, schema),
// so none can end a line, expand as a specifier or as a variable.
std::string render_unit(const Instance& instance, const Target& target, const Layout& layout) {
  const std::string name = instance.name.str();
  const std::string tree = layout.tree(tree_folder(instance.spec));
  const std::string command =
      fmt::format("{}{} -p {} -c nginx.conf", target.binary, target.stderr_option ? " -e stderr" : "", tree);
  return fmt::format(
      "# Written by orctl. Change the manifest and run `orctl apply`; changes made here are lost.\n"
      "[Unit]\n"
      "Description=OpenResty instance {0}\n"
      "After=network-online.target nss-lookup.target\n"
      "Wants=network-online.target\n"
      "StartLimitIntervalSec=60\n"
      "StartLimitBurst=5\n"
      "ConditionPathExists={1}/nginx.conf\n\n"
      "[Service]\n"
      "# forking with a PIDFile: systemd follows a binary upgrade\n"
      "Type=forking\n"
      "PIDFile={2}\n"
      "ExecStartPre={3} -t -q\n"
      "ExecStart={3}\n"
      "# nginx makes its sockets for everybody\n"
      "ExecStartPost=/bin/chmod 0600 {4}\n"
      "ExecReload={3} -t -q\n"
      "ExecReload=/bin/kill -s HUP $MAINPID\n"
      "KillMode=mixed\n"
      "KillSignal=SIGQUIT\n"
      "TimeoutStartSec=30\n"
      "TimeoutStopSec={5}\n"
      "Restart=on-failure\n"
      "RestartSec=1\n"
      "LimitNOFILE={6}\n"
      "LimitCORE=0\n"
      "OOMPolicy=continue\n"
      "{7}\n\n"
      "[Install]\n"
      "WantedBy=multi-user.target\n",
      name, tree, layout.pid(name), command, layout.admin_socket(name), stop_seconds(instance.spec),
      unit_open_files(instance.spec), join(confinement(instance.spec, layout), "\n"));
}

}  // namespace orctl
