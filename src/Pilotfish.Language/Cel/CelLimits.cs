namespace Pilotfish.Language.Cel;

/// <summary>What one expression may cost, when it is compiled and whenever it is evaluated.</summary>
public static class CelLimits
{
    /// <summary>Characters of one expression. Filters have tens; far larger ones are a mistake or an attack.</summary>
    public const int LengthMax = 16 * 1024;

    /// <summary>Parts of one expression; bounds the memory that a pushed text can take.</summary>
    public const int NodesMax = 4096;

    /// <summary>Nesting. Parser and evaluator recurse; this many frames fit a worker's stack many times over.</summary>
    public const int DepthMax = 128;

    /// <summary>Steps of one evaluation, about 10 ns each: a record's filter costs at most a fifth of a millisecond.</summary>
    public const int StepsMax = 20_000;

    /// <summary>Bytes of text that one step pays for; scanning a long header costs what it weighs.</summary>
    public const int BytesPerStep = 64;

    /// <summary>Bytes of text that one evaluation may put together.</summary>
    public const int ScratchBytesMax = 64 * 1024;
}
