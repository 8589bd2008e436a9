using Envoy.Admin.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Admin;

/// <summary>Who this process is and how it does: /ready, /server_info, /memory, /hot_restart_version.</summary>
internal sealed class ServerInfoEndpoints(ServerState server, ServeOptions options, LocalNode node, int concurrency)
{
    public IEnumerable<AdminEndpoint> All =>
    [
        AdminEndpoint.Get("/ready", "print server state, return 200 if LIVE, otherwise return 503", Ready),
        AdminEndpoint.Get("/server_info", "print server version/status information", ServerInfo),
        AdminEndpoint.Get("/memory", "print current allocation/heap usage", Memory),
        AdminEndpoint.Get("/contention", "dump current Envoy mutex contention stats (if enabled)", Contention),
        AdminEndpoint.Get("/hot_restart_version", "print the hot restart compatibility version", HotRestart),
    ];

    private void Ready(InternalRequest request, InternalResponse response)
    {
        response.Status = server.ReportedPhase == ServerPhase.Live ? 200 : 503;
        response.Write(PhaseName(server.ReportedPhase) + "\n");
    }

    private static string PhaseName(ServerPhase phase) => phase switch
    {
        ServerPhase.Live => "LIVE",
        ServerPhase.Draining => "DRAINING",
        ServerPhase.PreInitializing => "PRE_INITIALIZING",
        _ => "INITIALIZING",
    };

    private void ServerInfo(InternalRequest request, InternalResponse response)
    {
        Duration uptime = new() { Seconds = server.UptimeSeconds };
        ServerInfo info = new()
        {
            Version = ProductVersion.Text,
            State = (ServerInfo.Types.State)server.ReportedPhase,
            UptimeCurrentEpoch = uptime,
            UptimeAllEpochs = uptime.Clone(),
            HotRestartVersion = "disabled",
            Node = Node.Parser.ParseFrom(node.Message.Span),
            CommandLineOptions = CommandLine(),
        };
        response.ContentType = "application/json";
        JsonPrinter.Print(info, response.Body, JsonPrintOptions.EnvoyAdminWithDefaults);
    }

    private CommandLineOptions CommandLine() => new()
    {
        Concurrency = (uint)concurrency,
        ConfigPath = options.ConfigPath,
        ConfigYaml = options.ConfigYaml,
        AllowUnknownStaticFields = options.AllowsUnknownStaticFields,
        LogLevel = Log.NameOf(options.LogLevel),
        ServiceCluster = node.Cluster,
        ServiceNode = node.Id,
        ServiceZone = node.Zone,
        FileFlushInterval = Duration.FromTimeSpan(options.FileFlushInterval),
        FileFlushMinSize = (uint)options.FileFlushMinKilobytes,
        DrainTime = new Duration { Seconds = options.DrainSeconds },
        DrainStrategy = options.DrainStrategy == Drain.DrainStrategy.Immediate
            ? CommandLineOptions.Types.DrainStrategy.Immediate
            : CommandLineOptions.Types.DrainStrategy.Gradual,
        DisableHotRestart = true,
    };

    private static void Memory(InternalRequest request, InternalResponse response)
    {
        GCMemoryInfo heap = GC.GetGCMemoryInfo();
        Memory memory = new()
        {
            Allocated = (ulong)GC.GetTotalMemory(forceFullCollection: false),
            HeapSize = (ulong)heap.TotalCommittedBytes,
            PageheapFree = (ulong)heap.FragmentedBytes,
            TotalPhysicalBytes = (ulong)System.Environment.WorkingSet,
        };
        response.ContentType = "application/json";
        JsonPrinter.Print(memory, response.Body, JsonPrintOptions.EnvoyAdminWithDefaults);
    }

    // Requests take no lock; the runtime counts waits for the few that slow paths take.
    private static void Contention(InternalRequest request, InternalResponse response)
    {
        response.ContentType = "application/json";
        response.Write($"{{\n \"num_contentions\": \"{Monitor.LockContentionCount}\",\n \"current_wait_cycles\": \"0\",\n"
            + " \"lifetime_wait_cycles\": \"0\"\n}\n");
    }

    // There is no hot restart: agents replace the process.
    private static void HotRestart(InternalRequest request, InternalResponse response) => response.Write("disabled\n");
}
