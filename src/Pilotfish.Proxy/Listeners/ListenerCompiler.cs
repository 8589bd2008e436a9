using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Turns a Listener message into a <see cref="ListenerModel"/>, keeping former chains of equal content. Main loop.</summary>
internal sealed class ListenerCompiler(CompileContext context)
{
    public ListenerModel Compile(Listener listener, byte[] message, ListenerState state, Warming warming)
    {
        if (listener.UdpListenerConfig is not null || listener.ApiListener is not null)
        {
            throw new ConfigRejectedException("", "UDP and API listeners are not supported");
        }

        if (listener.InternalListener is not null)
        {
            throw new ConfigRejectedException("internal_listener", "internal listeners are not supported yet");
        }

        UnheededFields.Check(UnheededFields.OfListener, listener, "", $"listener '{state.Name}'", context.Warnings);
        UnheededFields.Check(
            UnheededFields.OfBalance, listener.ConnectionBalanceConfig, "connection_balance_config", $"listener '{state.Name}'", context.Warnings);
        var direction = (TrafficDirection)listener.TrafficDirection;
        bool transparent = listener.Transparent ?? false;

        // Everything that may be refused comes before the chains, which subscribe to resources.
        List<NetAddress> addresses = Addresses(listener);
        ListenSocketOptions[] sockets = Sockets(listener, transparent);
        AccessLogSet logs = context.AccessLogs?.Compile(listener.AccessLog, "access_log", context) ?? AccessLogSet.Empty;
        List<FilterChainModel> chains = [];
        List<IDisposable> owned = [];
        List<ListenerFilter> filters;
        IFilterChainMatcher matcher;
        FilterChainModel? fallback;
        try
        {
            filters = ListenerFilters(listener, state, transparent, warming, owned);
            matcher = CompileChains(listener, direction, state, warming, chains, out fallback);
        }
        catch
        {
            ListenerModel.Release(owned);
            throw;
        }

        return new ListenerModel
        {
            Name = state.Name,
            Addresses = addresses,
            State = state,
            Message = message,
            Chains = matcher,
            AllChains = chains,
            DefaultChain = fallback,
            ListenerFilters = filters,
            Owned = owned,
            Direction = direction,
            BindToPort = (listener.BindToPort ?? true) && (listener.DeprecatedV1?.BindToPort ?? true),
            UseOriginalDestination = listener.UseOriginalDst ?? false,
            BufferLimitBytes = listener.PerConnectionBufferLimitBytes ?? ListenerModel.DefaultBufferLimitBytes,
            ListenerFiltersMilliseconds = ProtoValues.Milliseconds(
                listener.ListenerFiltersTimeout, ListenerModel.DefaultListenerFiltersMilliseconds),
            ContinueOnListenerFiltersTimeout = listener.ContinueOnListenerFiltersTimeout,
            ExactBalance = listener.ConnectionBalanceConfig?.ExactBalance is not null,
            IgnoresGlobalConnectionLimit = listener.IgnoreGlobalConnLimit || listener.BypassOverloadManager,
            Overload = listener.BypassOverloadManager ? Overload.OverloadState.Inactive : context.Overload,
            Sockets = sockets,
            Metadata = ProtoValues.Metadata(listener.Metadata),
            Node = context.Node,
            AccessLogs = logs,
        };
    }

    private static List<NetAddress> Addresses(Listener listener)
    {
        var addresses = new List<NetAddress> { ProtoValues.Address(listener.Address, "address") };
        for (int i = 0; i < listener.AdditionalAddresses.Count; i++)
        {
            addresses.Add(ProtoValues.Address(listener.AdditionalAddresses[i].Address, $"additional_addresses[{i}].address"));
        }

        return addresses;
    }

    private IFilterChainMatcher CompileChains(
        Listener listener, TrafficDirection direction, ListenerState state, Warming warming,
        List<FilterChainModel> chains, out FilterChainModel? fallback)
    {
        var compiler = new FilterChainCompiler(context, state.Name, state.Stats.Scope.Prefix, direction);
        var former = new List<FilterChainModel>(state.Model?.AllChains ?? []);
        var index = new FilterChainIndex();
        var byName = new Dictionary<string, FilterChainModel>(StringComparer.Ordinal);
        IFilterChainMatcher matcher = index;
        if (listener.FilterChains.Count == 0 && listener.DefaultFilterChain is null)
        {
            throw new ConfigRejectedException("filter_chains", "no filter chains are specified");
        }

        try
        {
            for (int i = 0; i < listener.FilterChains.Count; i++)
            {
                string field = $"filter_chains[{i}]";
                FilterChain chain = listener.FilterChains[i];
                FilterChainMatchModel match = FilterChainCompiler.CompileMatch(chain.FilterChainMatch, field + ".filter_chain_match");
                FilterChainModel model = Keep(former, chain) ?? compiler.Compile(chain, field, warming, state.Drain.Watcher);
                chains.Add(model);
                if (listener.FilterChainMatcher is null)
                {
                    index.Add(match, model, field + ".filter_chain_match");
                }
                else
                {
                    AddNamed(byName, chain, model, field);
                }
            }

            if (listener.FilterChainMatcher is { } tree)
            {
                matcher = FilterChainTree.Compile(tree, byName, "filter_chain_matcher");
            }

            fallback = null;
            if (listener.DefaultFilterChain is { } last)
            {
                fallback = Keep(former, last)
                    ?? compiler.Compile(last, "default_filter_chain", warming, state.Drain.Watcher);
                chains.Add(fallback);
            }
        }
        catch
        {
            ReleaseNew(chains, state);
            throw;
        }

        return matcher;
    }

    /// <summary>A matcher tree finds chains by their names alone.</summary>
    private static void AddNamed(Dictionary<string, FilterChainModel> byName, FilterChain chain, FilterChainModel model, string field)
    {
        if (chain.Name.Length == 0)
        {
            throw new ConfigRejectedException(field + ".name", "a filter chain needs a name where filter_chain_matcher is set");
        }

        if (chain.FilterChainMatch is { } match && !match.Equals(new FilterChainMatch()))
        {
            throw new ConfigRejectedException(field + ".filter_chain_match", "it has no effect beside filter_chain_matcher");
        }

        if (!byName.TryAdd(chain.Name, model))
        {
            throw new ConfigRejectedException(field + ".name", $"another filter chain has the name '{chain.Name}'; filter_chain_matcher tells chains by it");
        }
    }

    /// <summary>Chains that a rejected or abandoned version made for itself end with it.</summary>
    internal static void ReleaseNew(IReadOnlyList<FilterChainModel> chains, ListenerState state)
    {
        IReadOnlyList<FilterChainModel> kept = state.Model?.AllChains ?? [];
        foreach (FilterChainModel chain in chains)
        {
            bool isKept = false;
            foreach (FilterChainModel candidate in kept)
            {
                isKept |= candidate == chain;
            }

            if (!isKept)
            {
                chain.Release();
            }
        }
    }

    private static FilterChainModel? Keep(List<FilterChainModel> former, FilterChain chain)
    {
        if (former.Count == 0)
        {
            return null;
        }

        byte[] content = FilterChainCompiler.ContentOf(chain);
        int at = former.FindIndex(candidate => candidate.Content.AsSpan().SequenceEqual(content));
        if (at < 0)
        {
            return null;
        }

        FilterChainModel kept = former[at];
        former.RemoveAt(at);
        return kept;
    }

    private List<ListenerFilter> ListenerFilters(
        Listener listener, ListenerState state, bool transparent, Warming warming, List<IDisposable> owned)
    {
        var filters = new List<ListenerFilter>();
        for (int i = 0; i < listener.ListenerFilters.Count; i++)
        {
            Envoy.Config.Listener.V3.ListenerFilter config = listener.ListenerFilters[i];
            string field = $"listener_filters[{i}]";
            ListenerFilter filter = config.ConfigDiscovery is { } discovery
                ? new EcdsListenerFilter(
                    EcdsExtension<ListenerFilter>.Subscribe(
                        "tcp_listener_filter", config.Name, discovery, field + ".config_discovery", context, warming, owned,
                        (any, at, _) => Compile(any, config.Name, at, transparent)),
                    state.Stats)
                : Compile(config.TypedConfig ?? new(), config.Name, field + ".typed_config", transparent);
            filter.Disabled = config.FilterDisabled is { } disabled
                ? ListenerFilterPredicate.Compile(disabled, field + ".filter_disabled")
                : null;
            filters.Add(filter);
        }

        // use_proxy_proto is older than the filter, too; the first chain speaks for the listener (envoy source/common/listener_manager/listener_impl.cc).
        FilterChain? first = listener.FilterChains.Count > 0 ? listener.FilterChains[0] : listener.DefaultFilterChain;
        if (first?.UseProxyProto == true && !filters.Exists(static filter => filter is ProxyProtocol.ProxyProtocolFilter))
        {
            filters.Insert(0, ProxyProtocol.ProxyProtocolFactory.Create(new(), "filter_chains[0].use_proxy_proto", context));
        }

        // use_original_dst is older than the filter and implies it (envoy source/extensions/listener_managers, ListenerImpl).
        if ((listener.UseOriginalDst ?? false) && !filters.Exists(static filter => filter is OriginalDestinationFilter))
        {
            filters.Add(new OriginalDestinationFilter());
        }

        foreach (ListenerFilter filter in filters)
        {
            if (filter is OriginalDestinationFilter original)
            {
                original.TrustsLocalAddress = transparent;
            }
        }

        return filters;
    }

    private ListenerFilter Compile(Google.Protobuf.WellKnownTypes.Any config, string name, string field, bool transparent)
    {
        ListenerFilter filter = context.Extensions.Find<IListenerFilterFactory>(config, name, field, out ExtensionConfig typed).Compile(typed, context);
        if (filter is OriginalDestinationFilter original)
        {
            original.TrustsLocalAddress = transparent;
        }

        return filter;
    }

    private static ListenSocketOptions[] Sockets(Listener listener, bool transparent)
    {
        ListenSocketOptions defaults = ListenSocketOptions.Default;
        if (listener.MaxConnectionsToAcceptPerSocketEvent == 0)
        {
            throw new ConfigRejectedException("max_connections_to_accept_per_socket_event", "0 would accept nothing; it is 1 at least");
        }

        if (listener.EnableMptcp && listener.Address?.SocketAddress is null)
        {
            throw new ConfigRejectedException("enable_mptcp", "only IP addresses have multipath TCP");
        }

        ListenSocketOptions own = defaults with
        {
            AcceptsPerTurn = (int)Math.Min(
                listener.MaxConnectionsToAcceptPerSocketEvent ?? int.MaxValue, ListenSocketOptions.AcceptsPerTurnCap),
            Multipath = listener.EnableMptcp,
            Backlog = (int)Math.Min(int.MaxValue, listener.TcpBacklogSize ?? (uint)defaults.Backlog),
            ReusePort = listener.EnableReusePort ?? true,
            Transparent = transparent,
            FreeBind = listener.Freebind ?? false,
            DualStack = listener.Address?.SocketAddress?.Ipv4Compat ?? false,
            KeepAlive = ProtoValues.KeepAlive(listener.TcpKeepalive),
            FastOpenQueue = (int)(listener.TcpFastOpenQueueLength ?? 0),
            UnixMode = listener.Address?.Pipe is { Mode: > 0 } pipe ? (int)pipe.Mode : null,
            Raw = listener.SocketOptions.Count == 0 ? defaults.Raw : ProtoValues.SocketOptions(listener.SocketOptions, "socket_options"),
        };
        var all = new ListenSocketOptions[1 + listener.AdditionalAddresses.Count];
        all[0] = own;
        for (int i = 1; i < all.Length; i++)
        {
            all[i] = Sockets(listener.AdditionalAddresses[i - 1], own, $"additional_addresses[{i - 1}]");
        }

        return all;
    }

    /// <summary>What an additional address says of its own socket counts in place of what the listener says.</summary>
    private static ListenSocketOptions Sockets(AdditionalAddress address, ListenSocketOptions listeners, string field) => listeners with
    {
        DualStack = address.Address?.SocketAddress?.Ipv4Compat ?? false,
        UnixMode = address.Address?.Pipe is { Mode: > 0 } pipe ? (int)pipe.Mode : null,
        KeepAlive = address.TcpKeepalive is { } keepAlive ? ProtoValues.KeepAlive(keepAlive) : listeners.KeepAlive,
        Raw = address.SocketOptions is { } options
            ? ProtoValues.SocketOptions(options.SocketOptions, field + ".socket_options.socket_options")
            : listeners.Raw,
    };
}
