namespace Pilotfish.Language.Cel;

/// <summary>
/// How one kind of list or map is read. Stateless: what it reads is the value's Reference or the activation's source, so one
/// instance serves every stream and nothing is allocated to look into a map.
/// </summary>
public abstract class CelContainer
{
    public abstract int Count(scoped in CelValue self, CelActivation activation);

    /// <summary>Of lists: an element; the caller keeps the index in range.</summary>
    public virtual CelValue At(scoped in CelValue self, int index, CelActivation activation) =>
        CelValue.Error("a map has no positions");

    /// <summary>Of maps: a key in its order, for comparing whole maps.</summary>
    public virtual CelValue KeyAt(scoped in CelValue self, int index, CelActivation activation) =>
        CelValue.Error("this map's keys cannot be listed");

    /// <summary>Of maps: the value of a key; false when there is none.</summary>
    public virtual bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
    {
        value = default;
        return false;
    }
}
