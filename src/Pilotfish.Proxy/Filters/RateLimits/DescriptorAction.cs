using System.Text;
using Envoy.Config.Route.V3;
using Envoy.Type.Metadata.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;
using MetadataKind = Pilotfish.Proxy.Streams.MetadataKind;
using Action = Envoy.Config.Route.V3.RateLimit.Types.Action;

namespace Pilotfish.Proxy.Filters.RateLimits;

/// <summary>
/// One action of a RateLimit, which adds an entry to a descriptor (envoy docs, api-v3/config/route/v3/route_components, RateLimit.Action).
/// Values are literal: Envoy formats them only behind a runtime guard that is off. Immutable; made of one delegate, as a route has few.
/// </summary>
internal sealed class DescriptorAction
{
    private readonly Source _source;
    private readonly string _key;
    private readonly bool _skipsAbsent;

    private DescriptorAction(string key, bool skipsAbsent, Source source)
    {
        _key = key;
        _skipsAbsent = skipsAbsent;
        _source = source;
    }

    private delegate string? Source(HttpStream stream);

    public static DescriptorAction Compile(Action action, string field, CompileContext context)
    {
        switch (action.ActionSpecifierCase)
        {
            case Action.ActionSpecifierOneofCase.SourceCluster:
                string own = context.Node.Cluster;
                return new DescriptorAction("source_cluster", false, _ => own);
            case Action.ActionSpecifierOneofCase.DestinationCluster:
                return new DescriptorAction("destination_cluster", false, Destination);
            case Action.ActionSpecifierOneofCase.RemoteAddress:
                return new DescriptorAction("remote_address", false, static stream => stream.Info.ClientAddress.IsIp ? stream.Info.ClientAddress.IpToString() : null);
            case Action.ActionSpecifierOneofCase.MaskedRemoteAddress:
                return Masked(action.MaskedRemoteAddress, $"{field}.masked_remote_address");
            case Action.ActionSpecifierOneofCase.GenericKey:
                string literal = Required(action.GenericKey.DescriptorValue, $"{field}.generic_key.descriptor_value");
                return new DescriptorAction(Or(action.GenericKey.DescriptorKey, "generic_key"), false, _ => literal);
            case Action.ActionSpecifierOneofCase.RequestHeaders:
                byte[] name = Encoding.ASCII.GetBytes(Required(action.RequestHeaders.HeaderName, $"{field}.request_headers.header_name").ToLowerInvariant());
                return new DescriptorAction(
                    Required(action.RequestHeaders.DescriptorKey, $"{field}.request_headers.descriptor_key"), action.RequestHeaders.SkipIfAbsent,
                    stream => Header(stream.RequestHeaders, name));
            case Action.ActionSpecifierOneofCase.QueryParameters:
                byte[] parameter = Encoding.UTF8.GetBytes(Required(action.QueryParameters.QueryParameterName, $"{field}.query_parameters.query_parameter_name"));
                return new DescriptorAction(
                    Required(action.QueryParameters.DescriptorKey, $"{field}.query_parameters.descriptor_key"), action.QueryParameters.SkipIfAbsent,
                    stream => QueryString.TryGet(stream.RequestHeaders[WellKnownHeader.Path], parameter, out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value) : null);
            case Action.ActionSpecifierOneofCase.HeaderValueMatch:
                return HeaderValue(action.HeaderValueMatch, $"{field}.header_value_match");
            case Action.ActionSpecifierOneofCase.QueryParameterValueMatch:
                return QueryValue(action.QueryParameterValueMatch, $"{field}.query_parameter_value_match");
            case Action.ActionSpecifierOneofCase.DynamicMetadata:
                Action.Types.DynamicMetaData dynamic = action.DynamicMetadata;
                return Metadata(dynamic.DescriptorKey, dynamic.MetadataKey, dynamic.DefaultValue, false, false, $"{field}.dynamic_metadata");
            case Action.ActionSpecifierOneofCase.Metadata:
                Action.Types.MetaData metadata = action.Metadata;
                return Metadata(metadata.DescriptorKey, metadata.MetadataKey, metadata.DefaultValue, metadata.SkipIfAbsent,
                    metadata.Source == Action.Types.MetaData.Types.Source.RouteEntry, $"{field}.metadata");
            case Action.ActionSpecifierOneofCase.Extension:
                throw new ConfigRejectedException($"{field}.extension", $"the descriptor extension '{action.Extension.Name}' does not exist in Pilotfish");
            default:
                throw new ConfigRejectedException(field, "the action is empty");
        }
    }

    /// <summary>False when there can be no descriptor.</summary>
    public bool TryAppend(HttpStream stream, List<DescriptorEntry> entries)
    {
        if (_source(stream) is not { } value)
        {
            return _skipsAbsent;
        }

        entries.Add(new DescriptorEntry(_key, value));
        return true;
    }

    private static string? Destination(HttpStream stream) =>
        stream.Route?.Forward is { } forward && LocalAnswers.Reference(stream, forward) is ClusterReference cluster ? cluster.Name : null;

    private static DescriptorAction Masked(Action.Types.MaskedRemoteAddress masked, string field)
    {
        uint bits4 = masked.V4PrefixMaskLen ?? 32;
        uint bits6 = masked.V6PrefixMaskLen ?? 128;
        if (bits4 > 32 || bits6 > 128)
        {
            throw new ConfigRejectedException(field, $"prefixes of {bits4} and {bits6} bits are longer than addresses");
        }

        return new DescriptorAction("masked_remote_address", false, stream =>
        {
            NetAddress address = stream.Info.ClientAddress.Unmap();
            if (!address.IsIp)
            {
                return null;
            }

            CidrRange range = CidrRange.Create(address, (int)(address.Kind == AddressFamilyKind.IPv4 ? bits4 : bits6));
            NetAddress first = range.Kind == AddressFamilyKind.IPv4 ? NetAddress.IPv4((uint)range.Bits, 0) : NetAddress.IPv6(range.Bits, 0);
            return $"{first.IpToString()}/{range.Length}";
        });
    }

    private static DescriptorAction HeaderValue(Action.Types.HeaderValueMatch match, string field)
    {
        HeaderMatch[] headers = HeaderMatch.CompileAll(match.Headers, $"{field}.headers");
        string value = Required(match.DescriptorValue, $"{field}.descriptor_value");
        bool expected = match.ExpectMatch ?? true;
        return headers.Length == 0
            ? throw new ConfigRejectedException($"{field}.headers", "there is none")
            : new DescriptorAction(Or(match.DescriptorKey, "header_match"), false,
                stream => HeaderMatch.AllMatch(headers, stream.RequestHeaders) == expected ? value : null);
    }

    private static DescriptorAction QueryValue(Action.Types.QueryParameterValueMatch match, string field)
    {
        QueryMatch[] parameters = QueryMatch.CompileAll(match.QueryParameters, $"{field}.query_parameters");
        string value = Required(match.DescriptorValue, $"{field}.descriptor_value");
        bool expected = match.ExpectMatch ?? true;
        return parameters.Length == 0
            ? throw new ConfigRejectedException($"{field}.query_parameters", "there is none")
            : new DescriptorAction(Or(match.DescriptorKey, "query_match"), false, stream =>
            {
                bool matches = true;
                foreach (QueryMatch parameter in parameters)
                {
                    matches &= parameter.Matches(stream.RequestHeaders[WellKnownHeader.Path]);
                }

                return matches == expected ? value : null;
            });
    }

    private static DescriptorAction Metadata(string key, MetadataKey? at, string fallback, bool skipsAbsent, bool ofRoute, string field)
    {
        if (at is null || at.Key.Length == 0 || at.Path.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.metadata_key", "it needs a key and a path");
        }

        string name = at.Key;
        string[] path = new string[at.Path.Count];
        for (int i = 0; i < path.Length; i++)
        {
            path[i] = at.Path[i].Key;
        }

        return new DescriptorAction(Required(key, $"{field}.descriptor_key"), skipsAbsent, stream =>
        {
            DynamicMetadata? metadata = ofRoute ? stream.Route?.Metadata : stream.Info.Metadata;
            string text = metadata?.Get(name, path) is { Kind: MetadataKind.Text } value ? value.Text : "";
            return text.Length > 0 ? text : fallback.Length > 0 ? fallback : null;
        });
    }

    // Several values of one header count as one, as everywhere.
    private static string? Header(HeaderMap headers, byte[] name)
    {
        int slot = headers.FindSlot(name);
        if (slot < 0)
        {
            return null;
        }

        string text = Encoding.UTF8.GetString(headers.At(slot).Value);
        for (slot = headers.FindSlot(name, slot + 1); slot >= 0; slot = headers.FindSlot(name, slot + 1))
        {
            text = $"{text},{Encoding.UTF8.GetString(headers.At(slot).Value)}";
        }

        return text;
    }

    private static string Required(string text, string field) => text.Length > 0 ? text : throw new ConfigRejectedException(field, "it is empty");

    private static string Or(string text, string fallback) => text.Length > 0 ? text : fallback;
}
