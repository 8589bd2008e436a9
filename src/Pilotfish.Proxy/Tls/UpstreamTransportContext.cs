using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Tls;

/// <summary>What a cluster's transport may use while it compiles: subscriptions that it owns, secrets that the cluster waits for.</summary>
public sealed class UpstreamTransportContext(CompileContext config) : IDisposable
{
    public CompileContext Config { get; } = config;

    /// <summary>The cluster serves when everything in it is known.</summary>
    public Warming Warming { get; } = new();

    /// <summary>Ends with the cluster.</summary>
    public ICollection<IDisposable> Owned { get; } = new List<IDisposable>();

    public void Dispose()
    {
        Warming.Abandon();
        foreach (IDisposable owned in Owned)
        {
            owned.Dispose();
        }

        Owned.Clear();
    }
}
