namespace Pilotfish.Language.Cel.Evaluation;

internal sealed class ConstantNode(CelKind kind, object? value) : CelNode
{
    private readonly byte[] _text = value as byte[] ?? [];

    private readonly long _bits = value switch
    {
        bool boolean => boolean ? 1 : 0,
        long number => number,
        ulong number => (long)number,
        double number => BitConverter.DoubleToInt64Bits(number),
        _ => 0,
    };

    /// <summary>UTF-8 of a string constant.</summary>
    public byte[] Text => _text;

    public CelKind Kind => kind;

    public override CelValue Evaluate(CelActivation activation) => kind switch
    {
        CelKind.Bool => CelValue.Of(_bits != 0),
        CelKind.Int => CelValue.Of(_bits),
        CelKind.Uint => CelValue.OfUnsigned((ulong)_bits),
        CelKind.Double => CelValue.Of(BitConverter.Int64BitsToDouble(_bits)),
        CelKind.String => CelValue.OfString(_text),
        CelKind.Bytes => CelValue.OfBytes(_text),
        CelKind.Duration => CelValue.OfDuration(_bits),
        _ => CelValue.Null,
    };
}
