using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Where a request or connection to an ORIGINAL_DST cluster goes, in Envoy's order: what a filter left in the filter state, metadata_key, the
/// header, the destination that was restored. What is no address counts (original_dst_host_invalid) and is passed over. The connection's loop.
/// </summary>
internal static class OriginalDestinations
{
    // Envoy's name of the object (envoy docs, advanced/well_known_filter_state).
    private const string StateKey = "envoy.network.transport_socket.original_dst_address";

    // The longest text of an address with its port; a header beyond it is none.
    private const int TextMax = 64;

    /// <summary>None for a cluster of another type, and when nobody says.</summary>
    /// <param name="cluster">Where the request goes.</param>
    /// <param name="info">Of the request or connection.</param>
    /// <param name="headers">The request's; null for a connection without requests.</param>
    /// <param name="cells">The worker's.</param>
    public static NetAddress Of(ClusterState cluster, StreamInfo info, HeaderMap? headers, StatCells cells)
    {
        if (cluster.Config.OriginalDestination is not { } policy)
        {
            return default;
        }

        if (info.FilterState?.Get(StateKey)?.PlainText is { } left && NetAddress.TryParse(left, out NetAddress address) && address.IsIp)
        {
            return address;
        }

        if (policy.MetadataNamespace.Length > 0 && Text(info, policy) is { } text)
        {
            if (NetAddress.TryParse(text, out address) && address.IsIp)
            {
                return address;
            }

            cells.Add(cluster.Stats.OriginalDestinationInvalid);
        }

        if (policy.UsesHttpHeader && headers is not null && headers.TryGet(policy.HeaderName, out ReadOnlySpan<byte> value))
        {
            Span<char> characters = stackalloc char[TextMax];
            if (value.Length <= TextMax && NetAddress.TryParse(characters[..Encoding.Latin1.GetChars(value, characters)], out address) && address.IsIp)
            {
                return address;
            }

            cells.Add(cluster.Stats.OriginalDestinationInvalid);
        }

        // A socket's own address would be this proxy again.
        return info.Connection.LocalAddressRestored ? info.Connection.LocalAddress : default;
    }

    // A list stands for its first value.
    private static string? Text(StreamInfo info, OriginalDestinationPolicy policy)
    {
        return Of(info.Metadata) ?? Of(info.Connection.Metadata);

        string? Of(DynamicMetadata? metadata)
        {
            MetadataValue? value = metadata?.Get(policy.MetadataNamespace, policy.MetadataPath);
            value = value is { Items.Count: > 0 } ? value.Items[0] : value;
            return value is { Kind: MetadataKind.Text } ? value.Text : null;
        }
    }
}
