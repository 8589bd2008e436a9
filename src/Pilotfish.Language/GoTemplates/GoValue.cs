using System.Diagnostics;

namespace Pilotfish.Language.GoTemplates;

/// <summary>A value that templates handle. Numbers that come from JSON are floats and literals of a template are
/// integers, as in Go, because printing and comparison tell the two apart.</summary>
public readonly struct GoValue : IEquatable<GoValue>
{
    private readonly object? _reference;
    private readonly long _bits;

    private GoValue(GoKind kind, object? reference, long bits)
    {
        Kind = kind;
        _reference = reference;
        _bits = bits;
    }

    public static GoValue Nil => default;

    /// <summary>What a map answers for a key it lacks: nil, whose fields are again missing instead of an error.</summary>
    public static GoValue Missing => new(GoKind.Nil, null, 1);

    public static GoValue EmptyList { get; } = From(Array.Empty<GoValue>());

    public GoKind Kind { get; }

    public bool IsNil => Kind == GoKind.Nil;

    public bool IsMissing => Kind == GoKind.Nil && _bits == 1;

    public bool AsBool => _bits != 0;

    public long AsInt => _bits;

    public double AsFloat => BitConverter.Int64BitsToDouble(_bits);

    public string AsString => (string)_reference!;

    public IReadOnlyList<GoValue> AsList => (IReadOnlyList<GoValue>)_reference!;

    public GoMap AsMap => (GoMap)_reference!;

    public GoObject AsObject => (GoObject)_reference!;

    /// <summary>Go's rule for `if`: zero values, empty collections and nil are false; a struct is always true.</summary>
    public bool IsTrue => Kind switch
    {
        GoKind.Nil => false,
        GoKind.Bool => AsBool,
        GoKind.Int => AsInt != 0,
        GoKind.Float => AsFloat != 0,
        GoKind.String => AsString.Length > 0,
        GoKind.List => AsList.Count > 0,
        GoKind.Map => AsMap.Count > 0,
        GoKind.Object => AsObject.IsTrue,
        _ => throw new UnreachableException(),
    };

    /// <summary>The name that Go's messages use for the value's type.</summary>
    public string TypeName => Kind switch
    {
        GoKind.Nil => "nil",
        GoKind.Bool => "bool",
        GoKind.Int => "int",
        GoKind.Float => "float64",
        GoKind.String => "string",
        GoKind.List => "[]interface {}",
        GoKind.Map => AsMap.TypeName,
        GoKind.Object => AsObject.TypeName,
        _ => throw new UnreachableException(),
    };

    public static GoValue From(bool value) => new(GoKind.Bool, null, value ? 1 : 0);

    public static GoValue From(long value) => new(GoKind.Int, null, value);

    public static GoValue From(double value) => new(GoKind.Float, null, BitConverter.DoubleToInt64Bits(value));

    public static GoValue From(string? value) => value is null ? Nil : new(GoKind.String, value, 0);

    public static GoValue From(IReadOnlyList<GoValue> value) => new(GoKind.List, value, 0);

    public static GoValue From(GoMap value) => new(GoKind.Map, value, 0);

    public static GoValue From(GoObject value) => new(GoKind.Object, value, 0);

    public static bool operator ==(GoValue left, GoValue right) => left.Equals(right);

    public static bool operator !=(GoValue left, GoValue right) => !left.Equals(right);

    /// <summary>Deep equality of equal kinds, as reflect.DeepEqual sees it.</summary>
    public bool Equals(GoValue other)
    {
        if (Kind != other.Kind)
        {
            return false;
        }

        return Kind switch
        {
            GoKind.Nil => true,
            GoKind.Bool or GoKind.Int => _bits == other._bits,
            GoKind.Float => AsFloat.Equals(other.AsFloat),
            GoKind.String => AsString == other.AsString,
            GoKind.List => AsList.SequenceEqual(other.AsList),
            GoKind.Map => AsMap.ContentEquals(other.AsMap),
            GoKind.Object => ReferenceEquals(_reference, other._reference)
                || AsObject.ToPlain().Equals(other.AsObject.ToPlain()),
            _ => throw new UnreachableException(),
        };
    }

    public override bool Equals(object? obj) => obj is GoValue other && Equals(other);

    public override int GetHashCode() => Kind switch
    {
        GoKind.String => HashCode.Combine(Kind, AsString),
        GoKind.Bool or GoKind.Int or GoKind.Float => HashCode.Combine(Kind, _bits),
        _ => (int)Kind,
    };

    public override string ToString() => GoFormat.Print(this);
}
