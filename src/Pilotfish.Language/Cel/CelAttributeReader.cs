namespace Pilotfish.Language.Cel;

/// <summary>Reads one attribute of the activation's source; <see cref="CelValue.Absent"/> where it does not exist. Must not allocate.</summary>
public delegate CelValue CelAttributeReader(CelActivation activation);
