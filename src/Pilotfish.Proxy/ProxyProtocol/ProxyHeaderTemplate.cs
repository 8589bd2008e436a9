using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>What PROXY headers towards upstreams look like (envoy.config.core.v3.ProxyProtocolConfig). Immutable; any loop.</summary>
internal sealed class ProxyHeaderTemplate
{
    private readonly TlvSelection _passesThrough;
    private readonly TlvTemplate[] _added;

    private ProxyHeaderTemplate(int version, TlvSelection passesThrough, TlvTemplate[] added)
    {
        Version = version;
        _passesThrough = passesThrough;
        _added = added;
    }

    /// <summary>1 or 2; TLVs go with version 2 alone.</summary>
    public int Version { get; }

    /// <summary>Whether it takes a connection's facts to write one.</summary>
    /// <param name="endpoints">What the endpoint adds of its own.</param>
    public bool IsDynamic(TlvTemplate[] endpoints) =>
        Version == 2 && (Array.Exists(_added, static tlv => tlv.IsDynamic) || Array.Exists(endpoints, static tlv => tlv.IsDynamic));

    /// <summary>Rejects by the field at fault.</summary>
    public static ProxyHeaderTemplate Compile(ProxyProtocolConfig config, string field) => new(
        config.Version switch
        {
            ProxyProtocolConfig.Types.Version.V1 => 1,
            ProxyProtocolConfig.Types.Version.V2 => 2,
            _ => throw new ConfigRejectedException(field + ".version", $"{(int)config.Version} is neither V1 nor V2"),
        },
        new TlvSelection(config.PassThroughTlvs, field + ".pass_through_tlvs"),
        TlvTemplate.Compile(config.AddedTlvs, field + ".added_tlvs"));

    /// <summary>
    /// The header of one connection. Of each type those count that the endpoint adds, else those of the cluster, else those that are passed
    /// through; there may be several of one type.
    /// </summary>
    /// <param name="facts">What it tells of the client.</param>
    /// <param name="endpoints">What the endpoint adds of its own.</param>
    /// <param name="info">For values that are made of a connection's facts; null leaves them out.</param>
    /// <param name="worker">Whose scratch space is used.</param>
    /// <param name="omitted">Whether TLVs were left out, for which the header has no room.</param>
    public byte[] Write(ProxyProtocolFacts facts, TlvTemplate[] endpoints, StreamInfo? info, Worker worker, out bool omitted)
    {
        omitted = false;
        if (Version == 1)
        {
            return ProxyHeaderWriter.Version1(facts.Source, facts.Destination);
        }

        List<ProxyTlv> tlvs = TlvTemplate.Evaluate(endpoints, info, worker);
        foreach (ProxyTlv tlv in TlvTemplate.Evaluate(_added, info, worker))
        {
            if (!Array.Exists(endpoints, own => own.Type == tlv.Type))
            {
                tlvs.Add(tlv);
            }
        }

        foreach (ProxyTlv tlv in facts.Tlvs)
        {
            if (_passesThrough.Contains(tlv.Type) && !Array.Exists(endpoints, own => own.Type == tlv.Type)
                && !Array.Exists(_added, added => added.Type == tlv.Type))
            {
                tlvs.Add(tlv);
            }
        }

        return ProxyHeaderWriter.Version2(facts.Source, facts.Destination, tlvs, out omitted);
    }
}
