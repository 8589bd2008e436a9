using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;
using BalanceConfig = Envoy.Config.Listener.V3.Listener.Types.ConnectionBalanceConfig;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>An outbound listener while services still add chains to it.</summary>
internal sealed class OutboundListenerEntry(IReadOnlyList<string> binds, int port, bool bindToPort)
{
    // For TLS and other handshakes after accept; a connection that never finishes one is no use to anybody.
    private static readonly Duration s_handshakeTimeout = new() { Seconds = 15 };

    public PortProtocol Protocol { get; set; }

    public List<ChainOptions> Chains { get; } = [];

    public static BalanceConfig ExactBalance() => new() { ExactBalance = new BalanceConfig.Types.ExactBalance() };

    /// <summary>Adds the chains that the proxy can tell from those present; of equal matches the first stays.</summary>
    public void Merge(IEnumerable<ChainOptions> incoming)
    {
        foreach (var chain in incoming)
        {
            if (!Chains.Any(present => present.ConflictsWith(chain)))
            {
                Chains.Add(chain);
            }
        }
    }

    public Listener Build(PushContext push, ProxyView proxy)
    {
        var name = ListenerNames.Of(binds[0], port);
        var listener = new Listener
        {
            Name = name,
            Address = Messages.Address(binds[0], port),
            TrafficDirection = TrafficDirection.Outbound,
            ContinueOnListenerFiltersTimeout = true,
        };
        if (push.Features.DualStack)
        {
            foreach (var bind in binds.Skip(1))
            {
                listener.AdditionalAddresses.Add(new AdditionalAddress { Address = Messages.Address(bind, port) });
            }
        }

        if (proxy.Node.OutboundExactBalance)
        {
            listener.ConnectionBalanceConfig = ExactBalance();
        }

        if (bindToPort)
        {
            listener.MaxConnectionsToAcceptPerSocketEvent = VirtualOutboundListener.AcceptsPerEvent;
        }
        else
        {
            listener.BindToPort = false;
        }

        AddInspectors(push, listener);
        foreach (var options in Chains)
        {
            AddChain(push, proxy, listener, options);
        }

        FinishDefaultChain(push, proxy, listener);
        return listener;
    }

    private void AddInspectors(PushContext push, Listener listener)
    {
        if (Chains.Any(static chain => chain.ServerNames.Count > 0))
        {
            listener.ListenerFilters.Add(ListenerFilters.TlsInspector());
        }

        if (Chains.Any(static chain => chain.ApplicationProtocols.Count > 0))
        {
            listener.ListenerFilters.Add(ListenerFilters.HttpInspector());
            listener.ListenerFiltersTimeout = push.Mesh.ProtocolDetectionTimeout;
        }
        else
        {
            listener.ListenerFiltersTimeout = Messages.Zero;
        }
    }

    private void AddChain(PushContext push, ProxyView proxy, Listener listener, ChainOptions options)
    {
        var chain = new FilterChain { Metadata = options.Metadata, TransportSocketConnectTimeout = s_handshakeTimeout };
        if (options.TcpFilters is { } filters)
        {
            chain.Filters.AddRange(filters);
        }
        else
        {
            var prefix = "outbound_" + listener.Name + ListenerNames.StatDelimiter;
            var manager = ConnectionManagers.Outbound(push, proxy, prefix, options.RouteName, options.HttpProtocol);
            chain.Filters.Add(new Filter { Name = ExtensionNames.HttpConnectionManager, TypedConfig = Messages.Pack(manager) });
        }

        if (options.MatchesAll)
        {
            listener.DefaultFilterChain = chain;
        }
        else
        {
            chain.FilterChainMatch = options.ToMatch();
            listener.FilterChains.Add(chain);
        }
    }

    // A lone match-all chain is an ordinary chain; otherwise what nothing matches passes through.
    private static void FinishDefaultChain(PushContext push, ProxyView proxy, Listener listener)
    {
        if (listener.DefaultFilterChain is { } chain)
        {
            if (listener.FilterChains.Count == 0)
            {
                listener.FilterChains.Add(chain);
                listener.DefaultFilterChain = null;
            }

            return;
        }

        listener.DefaultFilterChain = new FilterChain
        {
            Name = ListenerNames.PassthroughFilterChain,
            FilterChainMatch = new FilterChainMatch(),
            Filters = { new NetworkFilters(push, proxy).CatchAllOutbound() },
        };
    }
}
