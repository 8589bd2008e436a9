using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// A seeded run of one target: inputs are made and checked until the time is over. A failure names seed, round and input, which make
/// it again. PILOTFISH_FUZZ_SECONDS sets the time (CI takes 10 s, a developer's run 1 s, a soak hours), PILOTFISH_FUZZ_SEED the seed: CI begins
/// at the same one each time, so that it judges the change and not its luck; a developer and a soak begin anywhere.
/// </summary>
internal static class FuzzRun
{
    // Below it a run says nothing; on a busy machine it takes the time it takes.
    private const int RoundsMin = 100;

    private const int SecondsInCi = 10;
    private const int SecondsByHand = 1;
    private const int SeedInCi = 9113;

    private static bool InCi => Environment.GetEnvironmentVariable("CI") == "true";

    public static void Run(FuzzTarget target)
    {
        long seconds = Number("PILOTFISH_FUZZ_SECONDS") ?? (InCi ? SecondsInCi : SecondsByHand);
        int seed = (int)(Number("PILOTFISH_FUZZ_SEED") ?? (InCi ? SeedInCi : Environment.TickCount));
        var time = Stopwatch.StartNew();
        long round = 0;
        for (; time.Elapsed.TotalSeconds < seconds || round < RoundsMin; round++)
        {
            // Each round has a generator of its own, so that one round can be made again without those before it.
            var random = new Random(unchecked(seed + (int)round));
            byte[] input = target.Make(random);
            try
            {
                target.Check(input, random);
            }
            catch (Exception e)
            {
                // Whatever it is, assertion or crash of the code under test: the input is what a person needs.
                throw new InvalidOperationException(
                    $"PILOTFISH_FUZZ_SEED={unchecked(seed + (int)round)}, input {Convert.ToHexString(input)}"
                    + $" ('{System.Text.Encoding.Latin1.GetString(input)}'): {e.Message}", e);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{round} rounds from seed {seed}");
    }

    private static long? Number(string variable) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
}
