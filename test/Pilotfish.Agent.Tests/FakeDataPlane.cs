using System.Buffers;
using System.Text;
using Pilotfish.Agent.Lifecycle;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Tests;

/// <summary>A data plane whose state the test sets.</summary>
internal sealed class FakeDataPlane : IDataPlane
{
    public string? NotReadyReason { get; set; }

    public long? ActiveConnections { get; set; }

    public Func<IControlPlane, UnaryCallRequest, IUnaryCallEvents, IDisposable>? OnCall { get; init; }

    public int Drains { get; private set; }

    public void DrainInbound() => Drains++;

    public void WritePrometheus(IBufferWriter<byte> output, string query) =>
        Encoding.UTF8.GetBytes($"envoy_server_live{{query=\"{query}\"}} 1\n", output);

    public IDisposable Call(IControlPlane server, UnaryCallRequest request, IUnaryCallEvents events) =>
        OnCall?.Invoke(server, request, events) ?? throw new InvalidOperationException("This data plane calls nobody.");

    public void Dispose()
    {
    }
}
