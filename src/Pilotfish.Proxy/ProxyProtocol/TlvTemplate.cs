using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
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
    /// <summary>The namespace of an endpoint's typed_filter_metadata.</summary>
    private const string Namespace = "envoy.transport_sockets.proxy_protocol";

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

    /// <summary>What an endpoint's metadata says of its own (envoy.config.core.v3.PerHostConfig); rejects by the field at fault.</summary>
    public static TlvTemplate[] OfEndpoint(Metadata? metadata, string field)
    {
        if (metadata is null || !metadata.TypedFilterMetadata.TryGetValue(Namespace, out Any? packed))
        {
            return [];
        }

        string at = $"{field}.typed_filter_metadata[{Namespace}]";
        ExtensionConfig config = ExtensionRegistry.Unwrap(packed, at);
        return config.MessageName == "envoy.config.core.v3.PerHostConfig"
            ? Compile(config.Parse(PerHostConfig.Parser).AddedTlvs, at + ".added_tlvs")
            : throw new ConfigRejectedException(at, $"the type '{config.MessageName}' is none of it; it is envoy.config.core.v3.PerHostConfig");
    }

    /// <summary>Rejects by the field at fault.</summary>
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
            compiled.Add(new TlvTemplate(type, entry.Value.ToByteArray(), format));
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
