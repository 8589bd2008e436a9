using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Parameter = Envoy.Config.Core.V3.Http2ProtocolOptions.Types.SettingsParameter;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>custom_settings_parameters, with Envoy's rules for what they may say beside the named fields.</summary>
public sealed class CustomSettingsTests
{
    [Fact]
    public void Parameters_AreSent_AndThoseOfNamedFieldsCount() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm => hcm.Http2ProtocolOptions = Of((0x10, 7), (6, 1000), (3, 5), (0x10, 7)));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        byte[] payload = (await client.ReadAsync(FrameType.SETTINGS)).Payload;
        var sent = new List<(int, uint)>();
        for (int at = 0; at < payload.Length; at += 6)
        {
            sent.Add(((payload[at] << 8) | payload[at + 1], System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(at + 2))));
        }

        Assert.Equal([(6, 1000u), (0x10, 7u), (1, 4096u), (3, 5u), (4, 16u * 1024 * 1024)], sent);
    });

    [Fact]
    public void Options_TakeTheNamedOnes()
    {
        Http2Options options = Http2Options.Compile(Of((1, 100), (3, 5), (4, 100_000)), "f");
        Assert.Equal((100, 5, 100_000), (options.HpackTableBytes, options.ConcurrentStreamsMax, options.StreamWindowBytes));
    }

    public static TheoryData<string, Http2ProtocolOptions, string, string> Refused => new()
    {
        { "push", Of((2, 1)), "f.custom_settings_parameters[0]", "server push is not supported" },
        { "extended CONNECT", Of((8, 1)), "f.custom_settings_parameters[0]", "allow_connect" },
        { "named too", With(Of((1, 1)), static o => o.HpackTableSize = 1), "f.custom_settings_parameters[0]", "hpack_table_size" },
        { "named too", With(Of((3, 1)), static o => o.MaxConcurrentStreams = 1), "f.custom_settings_parameters[0]", "max_concurrent_streams" },
        { "named too", With(Of((4, 70_000)), static o => o.InitialStreamWindowSize = 70_000), "f.custom_settings_parameters[0]", "initial_stream_window_size" },
        { "two values", Of((9, 1), (9, 2)), "f.custom_settings_parameters[1]", "inconsistent values for the parameter 0x09: 1 and 2" },
        { "identifier out of range", Of((70_000, 1)), "f.custom_settings_parameters[0].identifier", "70000 is not between 0 and 65535" },
        { "no identifier", new() { CustomSettingsParameters = { new Parameter { Value = 1 } } }, "f.custom_settings_parameters[0].identifier", "required" },
        { "no value", new() { CustomSettingsParameters = { new Parameter { Identifier = 9 } } }, "f.custom_settings_parameters[0].value", "required" },
        { "frames", Of((5, 20_000)), "f.custom_settings_parameters[0]", "16384" },
        { "window", Of((4, 100)), "f.initial_stream_window_size", "100 is not between 65535" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Parameter_IsRefusedByField(string label, Http2ProtocolOptions options, string field, string words)
    {
        var refused = Assert.Throws<ConfigRejectedException>(() => Http2Options.Compile(options, "f"));
        Assert.True(refused.Field == field, $"{label}: {refused.Message}");
        Assert.Contains(words, refused.Message);
    }

    private static Http2ProtocolOptions Of(params (uint Id, uint Value)[] parameters)
    {
        var options = new Http2ProtocolOptions();
        foreach ((uint id, uint value) in parameters)
        {
            options.CustomSettingsParameters.Add(new Parameter { Identifier = id, Value = value });
        }

        return options;
    }

    private static Http2ProtocolOptions With(Http2ProtocolOptions options, Action<Http2ProtocolOptions> change)
    {
        change(options);
        return options;
    }
}
