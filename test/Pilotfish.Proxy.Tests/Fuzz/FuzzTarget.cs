namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// Code that reads what peers send, with its oracle. The seeded tests and the coverage-guided harness (fuzz/) run the same check.
/// </summary>
/// <param name="Name">As fuzz/run.sh takes it.</param>
/// <param name="Make">Near-valid inputs: of the seeded run, and the harness's first corpus.</param>
/// <param name="Check">Throws when the code under test and its oracle disagree. The generator decides where inputs are cut.</param>
internal sealed record FuzzTarget(string Name, Func<Random, byte[]> Make, Action<byte[], Random> Check)
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        HttpHeadFuzzTests.Requests, HttpHeadFuzzTests.Responses, ChunkedFuzzTests.Bodies, HpackFuzzTests.Blocks, Http2FrameFuzzTests.Frames,
        ClientHelloFuzzTests.Hellos, ProxyHeaderFuzzTests.Headers, PathFuzzTests.Paths, TranslationFuzzTests.Http2ToHttp1,
        TranslationFuzzTests.Http1ToHttp2,
    ];
}
