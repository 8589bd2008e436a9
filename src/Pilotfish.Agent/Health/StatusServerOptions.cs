using System.Buffers;
using Pilotfish.Agent.Dns;
using Pilotfish.Agent.Lifecycle;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Health;

/// <summary>What the status server shows and steers.</summary>
public sealed record StatusServerOptions
{
    public required IDataPlane DataPlane { get; init; }

    /// <summary>Null without DNS capture; else readiness waits for its first table.</summary>
    public DnsProxy? Dns { get; init; }

    /// <summary>Adds the metrics of the workload's certificate, in Prometheus' text format.</summary>
    public Action<IBufferWriter<byte>>? WriteSecretMetrics { get; init; }

    public IReadOnlyDictionary<string, AppProbe> Probes { get; init; } = new Dictionary<string, AppProbe>();

    public ScrapeConfig? Scrape { get; init; }

    /// <summary>Where the application listens: the pod's address, or localhost.</summary>
    public string ProbeDestination { get; init; } = "localhost";

    public bool BindProbeSource { get; init; } = true;

    public int StatusPort { get; init; } = IstioPorts.AgentStatus;

    public bool MergeProxyMetrics { get; init; } = true;

    public bool MetricsFromLocalhostOnly { get; init; }

    /// <summary>/quitquitquit: ends at once, without drain.</summary>
    public required Action Quit { get; init; }

    /// <summary>/drain: drains now, so that the signal that follows finds the work done.</summary>
    public required Action Drain { get; init; }
}
