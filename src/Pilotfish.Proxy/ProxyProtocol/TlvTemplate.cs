using Envoy.Config.Core.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>
/// One TLV that this side adds to PROXY headers (envoy.config.core.v3.TlvEntry): a value as it is, or one made of a connection's facts.
/// Immutable; any loop.
/// </summary>
internal sealed class TlvTemplate
{
    private readonly byte[] _value;
    private readonly IRecordFormat? _format;

    private TlvTemplate(byte type, byte[] value, IRecordFormat? format)
    {
        Type = type;
        _value = value;
        _format = format;
    }

    public byte Type { get; }

    /// <summary>Whether its value differs between connections.</summary>
    public bool IsDynamic => _format is not null;

    /// <summary>Rejects by the field at fault. Of entries of one type the first counts.</summary>
    public static TlvTemplate[] Compile(IReadOnlyList<TlvEntry> entries, string field)
    {
        var compiled = new List<TlvTemplate>(entries.Count);
        for (int i = 0; i < entries.Count; i++)
        {
            TlvEntry entry = entries[i];
            string at = $"{field}[{i}]";
            byte type = TlvSelection.TypeOf(entry.Type, at + ".type");
            if (entry.FormatString is not null && !entry.Value.IsEmpty)
            {
                throw new ConfigRejectedException(at + ".format_string", "the TLV has a value, too; only one of them may be set");
            }

            IRecordFormat? format = entry.FormatString is { } text ? RecordFormats.Compile(text, at + ".format_string") : null;
            if (!compiled.Exists(known => known.Type == type))
            {
                compiled.Add(new TlvTemplate(type, entry.Value.ToByteArray(), format));
            }
        }

        return [.. compiled];
    }

    /// <summary>The TLVs of one connection.</summary>
    /// <param name="templates">In their order.</param>
    /// <param name="info">Its facts; null leaves out what is made of them.</param>
    /// <param name="worker">Whose scratch space is used.</param>
    public static List<ProxyTlv> Evaluate(TlvTemplate[] templates, StreamInfo? info, Worker worker)
    {
        var tlvs = new List<ProxyTlv>(templates.Length);
        foreach (TlvTemplate template in templates)
        {
            if (template._format is not { } format)
            {
                tlvs.Add(new ProxyTlv(template.Type, template._value));
            }
            else if (info is not null)
            {
                HttpWorker scratch = HttpWorker.Of(worker);
                FormatOutput output = scratch.BodyScratch;
                output.Clear();
                scratch.Scratch.Clear();
                format.Append(output, scratch.Scratch, new FormatSource(info, AccessLogType.NotSet));
                tlvs.Add(new ProxyTlv(template.Type, output.Written.ToArray()));
            }
        }

        return tlvs;
    }
}
