using System.Buffers;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>What the agent needs of the data plane that runs beside it. All members on the main loop.</summary>
public interface IDataPlane : IDisposable
{
    /// <summary>
    /// Null when it serves with configuration from the control plane; else the sentence why it does not yet: clusters or
    /// listeners missing or rejected, workers not started.
    /// </summary>
    string? NotReadyReason { get; }

    /// <summary>
    /// Connections of the listeners that carry the workload's traffic; null where none was counted yet. Listeners for health,
    /// metrics and administration do not count.
    /// </summary>
    long? ActiveConnections { get; }

    /// <summary>Inbound listeners tell their clients to leave and take no new ones once idle.</summary>
    void DrainInbound();

    /// <summary>All statistics in Prometheus' text format; the query is that of /stats/prometheus.</summary>
    void WritePrometheus(IBufferWriter<byte> output, string query);

    /// <summary>A call of the agent's own through a cluster of the data plane; the result gives it up when it is disposed.</summary>
    IDisposable Call(IControlPlane server, UnaryCallRequest request, IUnaryCallEvents events);
}
