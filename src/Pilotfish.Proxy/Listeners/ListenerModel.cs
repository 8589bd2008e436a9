using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>One version of a listener, compiled. Workers take the present one at each accept. Immutable.</summary>
public sealed class ListenerModel
{
    public const uint DefaultBufferLimitBytes = 1024 * 1024;
    public const long DefaultListenerFiltersMilliseconds = 15_000;

    public required string Name { get; init; }

    /// <summary>The first address, then additional_addresses.</summary>
    public required IReadOnlyList<NetAddress> Addresses { get; init; }

    public required ListenerState State { get; init; }

    internal byte[] Message { get; init; } = [];

    internal IFilterChainMatcher Chains { get; init; } = new FilterChainIndex();

    internal IReadOnlyList<FilterChainModel> AllChains { get; init; } = [];

    internal FilterChainModel? DefaultChain { get; init; }

    /// <summary>Subscriptions of listener filters; they end when another version takes over or the listener goes.</summary>
    internal List<IDisposable> Owned { get; init; } = [];

    /// <summary>Main loop, once no connection is taken by this version any more.</summary>
    internal void Release() => Release(Owned);

    internal static void Release(List<IDisposable> owned)
    {
        foreach (IDisposable resource in owned)
        {
            resource.Dispose();
        }

        owned.Clear();
    }

    internal IReadOnlyList<ListenerFilter> ListenerFilters { get; init; } = [];

    public TrafficDirection Direction { get; init; }

    internal Config.LocalNode? Node { get; init; }

    public bool BindToPort { get; init; } = true;

    public bool UseOriginalDestination { get; init; }

    public uint BufferLimitBytes { get; init; } = DefaultBufferLimitBytes;

    /// <summary>0 waits for ever.</summary>
    public long ListenerFiltersMilliseconds { get; init; } = DefaultListenerFiltersMilliseconds;

    public bool ContinueOnListenerFiltersTimeout { get; init; }

    public bool ExactBalance { get; init; }

    public bool IgnoresGlobalConnectionLimit { get; init; }

    /// <summary>Read at every decision; inactive when the listener bypasses the overload manager.</summary>
    public OverloadState Overload { get; init; } = OverloadState.Inactive;

    /// <summary>One for each of <see cref="Addresses"/>.</summary>
    internal IReadOnlyList<ListenSocketOptions> Sockets { get; init; } = [];

    public DynamicMetadata? Metadata { get; init; }

    internal AccessLogs.AccessLogSet AccessLogs { get; init; } = Pilotfish.Proxy.AccessLogs.AccessLogSet.Empty;
}
