using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using FilterMessage = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles http_filters: each fixed or following ECDS; the last, and only the last, is terminal.</summary>
internal sealed class HttpFilterChainCompiler(NetworkFilterContext context, StatScope scope)
{
    public IReadOnlyList<HttpFilterSlot> Compile(IList<FilterMessage> filters)
    {
        var factoryContext = new HttpFilterContext { Config = context.Config, Stats = scope, Owned = context.Owned };
        var slots = new List<HttpFilterSlot>(filters.Count);
        for (int i = 0; i < filters.Count; i++)
        {
            if (CompileOne(filters[i], $"http_filters[{i}]", factoryContext) is { } slot)
            {
                slots.Add(slot);
            }
        }

        for (int i = 0; i < slots.Count; i++)
        {
            bool last = i == slots.Count - 1;
            if (slots[i].Model is { } model && model.IsTerminal != last)
            {
                throw new ConfigRejectedException("http_filters", last
                    ? $"the last filter '{slots[i].Name}' is not terminal; end the chain with envoy.filters.http.router"
                    : $"the terminal filter '{slots[i].Name}' must be the last");
            }
        }

        return slots.Count > 0 ? slots : throw new ConfigRejectedException("http_filters", "the chain is empty");
    }

    private HttpFilterSlot? CompileOne(FilterMessage filter, string field, HttpFilterContext factoryContext)
    {
        if (filter.ConfigDiscovery is { } discovery)
        {
            return EcdsFilterConsumer.Subscribe(filter, discovery, context, factoryContext, $"{field}.config_discovery");
        }

        try
        {
            return new HttpFilterSlot(filter.Name, filter.Disabled,
                HttpFilterCompiler.Compile(filter.TypedConfig, filter.Name, $"{field}.typed_config", factoryContext));
        }
        catch (ConfigRejectedException) when (filter.IsOptional && !IsKnown(filter))
        {
            // is_optional: a filter of a type that is not built in is left out of the chain.
            return null;
        }
    }

    private bool IsKnown(FilterMessage filter) => filter.TypedConfig is not null && context.Config.Extensions.TryFind(
        ExtensionRegistry.Unwrap(filter.TypedConfig, "").MessageName, out IHttpFilterFactory? _);
}
