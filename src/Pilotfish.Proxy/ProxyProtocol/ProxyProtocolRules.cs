using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Message = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>The listener filter's configuration. Immutable.</summary>
internal sealed class ProxyProtocolRules
{
    private const string DefaultNamespace = "envoy.filters.listener.proxy_protocol";

    private readonly Dictionary<byte, (string Namespace, string Key)> _metadata = [];
    private readonly bool[] _disallowed = new bool[2];

    public ProxyProtocolRules(Message config, string field)
    {
        UsesFilterState = config.TlvLocation switch
        {
            Message.Types.TlvLocation.DynamicMetadata => false,
            Message.Types.TlvLocation.FilterState => true,
            _ => throw new ConfigRejectedException(field + ".tlv_location", $"{(int)config.TlvLocation} is neither DYNAMIC_METADATA nor FILTER_STATE"),
        };

        foreach (ProxyProtocolConfig.Types.Version version in config.DisallowedVersions)
        {
            _disallowed[(int)version] = true;
        }

        AllowsAbsence = config.AllowRequestsWithoutProxyProtocol;
        PassesThrough = new TlvSelection(config.PassThroughTlvs, field + ".pass_through_tlvs");
        for (int i = 0; i < config.Rules.Count; i++)
        {
            AddRule(config.Rules[i], $"{field}.rules[{i}]");
        }
    }

    public bool AllowsAbsence { get; }

    /// <summary>tlv_location FILTER_STATE: values go to one object there, by the keys of the rules.</summary>
    public bool UsesFilterState { get; }

    public TlvSelection PassesThrough { get; }

    /// <param name="version">1 or 2.</param>
    public bool Allows(int version) => !_disallowed[version - 1];

    public bool TryMetadata(byte tlv, out (string Namespace, string Key) place) => _metadata.TryGetValue(tlv, out place);

    private void AddRule(Message.Types.Rule rule, string field)
    {
        byte type = TlvSelection.TypeOf(rule.TlvType, field + ".tlv_type");
        if (rule.OnTlvPresent is not { Key.Length: > 0 } place)
        {
            throw new ConfigRejectedException(field + ".on_tlv_present.key", "it names no key for the value");
        }

        _metadata[type] = (place.MetadataNamespace.Length > 0 ? place.MetadataNamespace : DefaultNamespace, place.Key);
    }
}
