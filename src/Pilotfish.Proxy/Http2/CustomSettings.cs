using System.Globalization;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// custom_settings_parameters: identifiers that named fields stand for mean what the field means, all others are sent as they are. Two
/// words for one setting are refused, as in Envoy. Immutable.
/// </summary>
internal sealed record CustomSettings
{
    // What one SETTINGS frame of ours surely holds; a peer may take many more for a flood.
    private const int EntriesMax = 64;

    private static readonly CustomSettings s_none = new();

    public uint? HpackTableSize { get; private init; }

    public uint? MaxConcurrentStreams { get; private init; }

    public uint? InitialStreamWindowSize { get; private init; }

    public Http2Setting[] Others { get; private init; } = [];

    /// <exception cref="ConfigRejectedException">An entry is incomplete, out of range, or says what another field says.</exception>
    public static CustomSettings Compile(Http2ProtocolOptions config, string field)
    {
        if (config.CustomSettingsParameters.Count == 0)
        {
            return s_none;
        }

        if (config.CustomSettingsParameters.Count > EntriesMax)
        {
            throw new ConfigRejectedException(field, $"{config.CustomSettingsParameters.Count} parameters are more than {EntriesMax}");
        }

        var values = new SortedDictionary<ushort, uint>();
        for (int i = 0; i < config.CustomSettingsParameters.Count; i++)
        {
            Http2ProtocolOptions.Types.SettingsParameter parameter = config.CustomSettingsParameters[i];
            (ushort id, uint value) = Read(parameter, $"{field}[{i}]");
            Check(config, id, value, $"{field}[{i}]");
            if (!values.TryAdd(id, value) && values[id] != value)
            {
                throw new ConfigRejectedException($"{field}[{i}]", $"inconsistent values for the parameter {Hex(id)}: {values[id]} and {value}");
            }
        }

        return new CustomSettings
        {
            HpackTableSize = Take(values, SettingId.HEADER_TABLE_SIZE),
            MaxConcurrentStreams = Take(values, SettingId.MAX_CONCURRENT_STREAMS),
            InitialStreamWindowSize = Take(values, SettingId.INITIAL_WINDOW_SIZE),
            Others = [.. Rest(values)],
        };
    }

    private static (ushort Id, uint Value) Read(Http2ProtocolOptions.Types.SettingsParameter parameter, string field)
    {
        if (parameter.Identifier is not { } id)
        {
            throw new ConfigRejectedException(field + ".identifier", "it is required");
        }

        if (id > ushort.MaxValue)
        {
            throw new ConfigRejectedException(field + ".identifier", $"{id} is not between 0 and {ushort.MaxValue}");
        }

        return ((ushort)id, parameter.Value ?? throw new ConfigRejectedException(field + ".value", "it is required"));
    }

    private static void Check(Http2ProtocolOptions config, ushort id, uint value, string field)
    {
        switch ((SettingId)id)
        {
            case SettingId.ENABLE_PUSH when value != 0:
                throw new ConfigRejectedException(field, "server push is not supported and cannot be enabled by a SETTINGS parameter");
            case SettingId.ENABLE_CONNECT_PROTOCOL:
                throw new ConfigRejectedException(field, "the setting 0x8 is configured by the field 'allow_connect' only");
            case SettingId.HEADER_TABLE_SIZE when config.HpackTableSize is not null:
                throw Both(field, "hpack_table_size");
            case SettingId.MAX_CONCURRENT_STREAMS when config.MaxConcurrentStreams is not null:
                throw Both(field, "max_concurrent_streams");
            case SettingId.INITIAL_WINDOW_SIZE when config.InitialStreamWindowSize is not null:
                throw Both(field, "initial_stream_window_size");
            case SettingId.MAX_FRAME_SIZE when value != FrameHeader.PayloadBytesDefault:
                throw new ConfigRejectedException(field, $"frames are taken up to {FrameHeader.PayloadBytesDefault} bytes, not {value}");
            default:
                break;
        }
    }

    private static ConfigRejectedException Both(string field, string name) =>
        new(field, $"the setting is also given by the field '{name}'; use one of them");

    private static uint? Take(SortedDictionary<ushort, uint> values, SettingId id) =>
        values.Remove((ushort)id, out uint value) ? value : null;

    private static IEnumerable<Http2Setting> Rest(SortedDictionary<ushort, uint> values)
    {
        foreach ((ushort id, uint value) in values)
        {
            // Push is off in every SETTINGS of a client; a server has no word in it.
            if (id != (ushort)SettingId.ENABLE_PUSH)
            {
                yield return new Http2Setting(id, value);
            }
        }
    }

    private static string Hex(ushort id) => "0x" + id.ToString("x2", CultureInfo.InvariantCulture);
}
