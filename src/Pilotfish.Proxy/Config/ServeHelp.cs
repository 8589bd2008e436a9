namespace Pilotfish.Proxy.Config;

/// <summary>The usage text of <c>serve</c>.</summary>
internal static class ServeHelp
{
    public const string Text = """
        Usage: serve -c FILE [flags]

        Runs the data plane from an Envoy v3 bootstrap in YAML or JSON.

          -c, --config-path FILE           the bootstrap
              --config-yaml TEXT           merged over the file
              --mode serve|validate        validate compiles the bootstrap, prints its problems and exits
              --concurrency N              worker threads (default: the CPU quota, else the number of CPUs)
          -l, --log-level LEVEL            trace, debug, info, warning, error, critical or off
              --component-log-level LIST   COMPONENT:LEVEL, separated by commas
              --log-path FILE              the log is appended to this file instead of standard error
              --allow-unknown-static-fields
                                           fields of the bootstrap that are not known are reported, not refused
              --service-node ID            this proxy's id for the control plane, over the bootstrap's
              --service-cluster NAME       its cluster
              --service-zone ZONE          its zone
              --drain-time-s SECONDS       how long connections may drain (default 600)
              --drain-strategy gradual|immediate
              --file-flush-interval-msec N how long an access-log record may wait (default 10000)
              --file-flush-min-size-kb N   how much wakes the writer earlier (default 64)
              --admin-address-path FILE    gets the admin address once it is known
              --version

        Other flags of Envoy are accepted and have no effect.
        Signals: SIGTERM and SIGINT end the process, SIGUSR1 reopens access logs and the file of --log-path.
        """;
}
