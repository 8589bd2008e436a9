using System.Text;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>Takes the PROXY header off the front of a connection and believes its addresses.</summary>
internal sealed class ProxyProtocolFilter(ProxyProtocolRules rules, ProxyProtocolStats stats) : ListenerFilter
{
    public override async ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        StatCells cells = connection.Worker.Stats;
        int known = 0;
        while (true)
        {
            ListenerFilterVerdict verdict = await connection.PeekMoreAsync(known, ProxyHeaderParser.HeaderBytesMax);
            if (verdict != ListenerFilterVerdict.Continue)
            {
                return verdict;
            }

            known = connection.Peeked.Length;
            ProxyHeaderStatus status = ProxyHeaderParser.Parse(connection.Peeked, out ProxyHeader header);
            if (status == ProxyHeaderStatus.NeedMore && known < ProxyHeaderParser.HeaderBytesMax)
            {
                continue;
            }

            if (status == ProxyHeaderStatus.Absent)
            {
                cells.Add(rules.AllowsAbsence ? stats.NotFoundAllowed : stats.NotFoundDisallowed);
                return rules.AllowsAbsence ? ListenerFilterVerdict.Continue : ListenerFilterVerdict.Close;
            }

            int version = ProxyHeaderParser.VersionOf(connection.Peeked);
            if (!rules.Allows(version))
            {
                // A version that is not allowed is no header where headers may be missing: its bytes are the application's.
                cells.Add(stats.Disallowed[version - 1]);
                return rules.AllowsAbsence ? ListenerFilterVerdict.Continue : ListenerFilterVerdict.Close;
            }

            if (status != ProxyHeaderStatus.Done || !Accept(connection, header))
            {
                cells.Add(stats.Error[version - 1]);
                return ListenerFilterVerdict.Close;
            }

            cells.Add(stats.Found[version - 1]);
            return ListenerFilterVerdict.Continue;
        }
    }

    private bool Accept(PendingConnection connection, in ProxyHeader header)
    {
        var tlvs = new List<ProxyTlv>();
        if (!TryReadTlvs(connection.Info, connection.Peeked.Slice(header.TlvStart, header.Length - header.TlvStart), tlvs)
            || !connection.TryConsume(header.Length))
        {
            return false;
        }

        if (header.HasAddresses)
        {
            NetAddress destination = header.Destination.Unmap();
            connection.Info.RemoteAddress = header.Source.Unmap();
            connection.Info.LocalAddressRestored |= destination != connection.Info.LocalAddress;
            connection.Info.LocalAddress = destination;
        }

        connection.Info.PassThroughTlvs = tlvs;
        connection.Info.HasProxyHeader = true;
        return true;
    }

    /// <summary>A TLV that claims more bytes than there are makes the header malformed; the checksum of 2.2.3 is not asked for.</summary>
    private bool TryReadTlvs(ConnectionInfo info, ReadOnlySpan<byte> bytes, List<ProxyTlv> passed)
    {
        Dictionary<string, string>? fields = null;
        while (!bytes.IsEmpty)
        {
            if (!ProxyHeaderParser.TryTakeTlv(ref bytes, out byte type, out ReadOnlySpan<byte> value))
            {
                return false;
            }

            if (rules.TryMetadata(type, out (string Namespace, string Key) place))
            {
                string text = Encoding.UTF8.GetString(value);
                if (rules.UsesFilterState)
                {
                    (fields ??= [])[place.Key] = text;
                }
                else
                {
                    info.Metadata ??= new DynamicMetadata();
                    info.Metadata.Set(
                        place.Namespace, MetadataValue.Of([new KeyValuePair<string, MetadataValue>(place.Key, MetadataValue.Of(text))]));
                }
            }

            if (rules.PassesThrough.Contains(type))
            {
                passed.Add(new ProxyTlv(type, value.ToArray()));
            }
        }

        if (fields is not null)
        {
            info.EnsureFilterState().Set(TlvFields.Key, new TlvFields(fields));
        }

        return true;
    }
}
