using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Cel;

/// <summary>One evaluation's state: where attributes come from, what is left of the cost bound, room for new text. One per thread.</summary>
public sealed class CelActivation
{
    private readonly FormatOutput _scratch = new();
    private int _stepsLeft;

    /// <summary>What attribute readers read; null while nothing is evaluated.</summary>
    public object? Source { get; private set; }

    public void Begin(object source)
    {
        Source = source;
        _stepsLeft = CelLimits.StepsMax;
        _scratch.Clear();
    }

    /// <summary>Steps taken since <see cref="Begin"/>.</summary>
    internal int StepsTaken => CelLimits.StepsMax - _stepsLeft;

    internal bool Step() => --_stepsLeft >= 0;

    /// <summary>Pays for reading text; false when the bound is reached.</summary>
    internal bool PayBytes(int bytes) => (_stepsLeft -= bytes / CelLimits.BytesPerStep) >= 0;

    public bool HasRoom(int bytes) => _scratch.Length + bytes <= CelLimits.ScratchBytesMax;

    /// <summary>Where new text is written; take <see cref="TextSince"/> of the length before.</summary>
    public FormatOutput Scratch => _scratch;

    // Growing leaves earlier spans on the old array, where they stay valid.
    public ReadOnlySpan<byte> TextSince(int start) => _scratch.Written[start..];

    /// <summary>A string of the framework as a value; absent when null or empty, as facts without a value are.</summary>
    public CelValue TextOf(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return CelValue.Absent;
        }

        if (!HasRoom(text.Length * 3))
        {
            return CelValue.Error("the evaluation makes too much text");
        }

        int start = _scratch.Length;
        _scratch.Append(text);
        return CelValue.OfString(TextSince(start));
    }
}
