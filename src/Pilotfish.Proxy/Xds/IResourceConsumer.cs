using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Xds;

/// <summary>The owner of a subscription to one named resource. All calls come on the main loop.</summary>
public interface IResourceConsumer
{
    /// <summary>
    /// A new version. Throwing <see cref="ConfigRejectedException"/> rejects it by name; the last good version stays in force.
    /// </summary>
    void OnResource(string name, ReadOnlyMemory<byte> message, string version);

    /// <summary>The control plane says that the resource does not exist (any more).</summary>
    void OnRemoved(string name);

    /// <summary>Nothing came within initial_fetch_timeout; the owner starts without it. A later version may still come.</summary>
    void OnInitialFetchTimeout(string name);

    /// <summary>The stream that brings it ended, or could not be opened; what is held stays, and it is asked for again.</summary>
    void OnStreamEnded()
    {
    }
}
