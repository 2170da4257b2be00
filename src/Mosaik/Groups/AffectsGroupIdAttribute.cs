namespace Mosaik.Groups;

/// <summary>
/// Marks an option whose value is part of the <see cref="Primitives.GroupId"/>: members must agree on it, and those that
/// do not are in different groups (spec/groups.md §2.3).
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AffectsGroupIdAttribute : Attribute;
